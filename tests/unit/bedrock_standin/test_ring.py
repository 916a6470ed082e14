"""The ring gives back what was written or nothing, and stays within its size."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compose.local.bedrock.ring import Ring

SIZE = 100


def key(number: int) -> bytes:
    return number.to_bytes(2, "big")


def content(number: int, size: int) -> bytes:
    return bytes([number % 251]) * size


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 120)), max_size=40))
def test_a_record_is_whole_or_absent(writes: list[tuple[int, int]]) -> None:
    with TemporaryDirectory() as folder:
        ring, sizes = Ring(Path(folder), SIZE), {}
        for number, size in writes:
            ring.write({key(number): content(number, size)}, {})
            if size <= SIZE:
                sizes[number] = size
                assert key(number) in ring
            for other, data in ring.read(map(key, range(21))).items():
                known = int.from_bytes(other, "big")
                assert data == content(known, sizes[known])
        assert (Path(folder) / "tokens.ring").stat().st_size <= SIZE
        ring.close()


def test_the_oldest_leaves_first(tmp_path: Path) -> None:
    ring = Ring(tmp_path, SIZE)
    for number in range(4):
        ring.write({key(number): content(number, 30)}, {})
    assert set(ring.read(map(key, range(4)))) == {key(1), key(2), key(3)}
    ring.close()


def test_what_will_be_overwritten_soon_is_known(tmp_path: Path) -> None:
    ring = Ring(tmp_path, SIZE)
    ring.write({key(n): content(n, 25) for n in range(4)}, {})
    assert [ring.soon_overwritten(key(n)) for n in range(4)] == [True, True, False, False]
    assert not ring.soon_overwritten(key(9))
    ring.close()


def test_records_and_facts_outlive_the_process(tmp_path: Path) -> None:
    ring = Ring(tmp_path, SIZE)
    ring.write({key(1): b"one", key(2): b"two"}, {"passages": b"2"})
    ring.close()
    again = Ring(tmp_path, SIZE)
    assert again.read([key(1), key(2), key(3)]) == {key(1): b"one", key(2): b"two"}
    assert again.fact("passages") == b"2"
    again.write({key(3): b"three"}, {})
    assert again.read([key(1), key(3)]) == {key(1): b"one", key(3): b"three"}
    again.close()


def test_a_smaller_ring_keeps_only_what_fits(tmp_path: Path) -> None:
    ring = Ring(tmp_path, SIZE)
    ring.write({key(n): content(n, 30) for n in range(3)}, {})
    ring.close()
    smaller = Ring(tmp_path, 50)
    assert set(smaller.read(map(key, range(3)))) == {key(0)}
    assert (tmp_path / "tokens.ring").stat().st_size <= 50
    smaller.close()


def test_a_folder_serves_one_process_only(tmp_path: Path) -> None:
    ring = Ring(tmp_path, SIZE)
    with pytest.raises(RuntimeError, match="in use by another stand-in"):
        Ring(tmp_path, SIZE)
    ring.close()


def test_a_lost_file_is_a_miss(tmp_path: Path) -> None:
    ring = Ring(tmp_path, SIZE)
    ring.write({key(1): b"one"}, {})
    ring.close()
    (tmp_path / "tokens.ring").unlink()
    again = Ring(tmp_path, SIZE)
    assert again.read([key(1)]) == {}
    again.close()
