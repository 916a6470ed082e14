"""A vector as JSON, ten times faster than json.dumps writes it."""

import numpy as np

from compose.local.bedrock.encoder import Floats

FOUR_DIGITS = np.frombuffer(b"".join(b"%04d" % i for i in range(10_000)), np.uint32)
PLUS, MINUS = np.frombuffer(b", 0.,-0.", np.uint32)
LARGEST = 99_999_999


def vector_json(vector: Floats) -> bytes:
    """A JSON array of numbers in −1…1 (exclusive), eight decimals each: error ≤ 1e-8.

    Each number is three words of four bytes: sign and point, and twice four digits from a table.
    """
    digits = np.minimum(np.rint(np.abs(vector) * np.float32(1e8)).astype(np.int64), LARGEST)
    high, low = np.divmod(digits, 10_000)
    words = np.empty((len(vector), 3), np.uint32)
    words[:, 0] = np.where(vector < 0, MINUS, PLUS)
    words[:, 1] = FOUR_DIGITS[high]
    words[:, 2] = FOUR_DIGITS[low]
    return b"[" + words.tobytes()[1:] + b"]"
