"""What a command used is its own, whatever the process held that ran it."""

import os
import sys

from tests.bench.ran import ran

HELD_MB = 300


def test_what_a_command_used_is_its_own() -> None:
    held = bytearray(b"x" * (HELD_MB << 20))
    script = "import sys; print('out'); print('told', file=sys.stderr); sys.exit(3)"
    done = ran((sys.executable, "-S", "-c", script), os.environ)
    assert (done.code, done.out, done.told) == (3, "out\n", "told\n")
    assert len(held) >> 20 == HELD_MB
    assert done.memory_mb < HELD_MB / 2
    assert 0 < done.cpu_s < 10


def test_memory_that_a_command_took_is_counted() -> None:
    script = f"bytearray(b'x' * ({HELD_MB} << 20))"
    done = ran((sys.executable, "-S", "-c", script), os.environ)
    assert done.code == 0
    assert done.memory_mb > HELD_MB
