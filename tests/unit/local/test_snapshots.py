"""The emulator's state is saved often while it is small, and less often when that takes long."""

import time
from itertools import pairwise
from pathlib import Path

from compose.local.ministack.generations import Generations
from compose.local.ministack.snapshots import PAUSES, Snapshots
from shared.testing.probe import until

SAVE_S = 0.05


async def test_a_pause_lasts_several_times_as_long_as_the_save_before_it(tmp_path: Path) -> None:
    log, state = tmp_path / "log", tmp_path / "state"
    log.touch()
    state.mkdir()

    def write(folder: Path) -> None:
        begun = time.monotonic()
        time.sleep(SAVE_S)
        (folder / "s3.json").write_text("{}")
        with log.open("a") as lines:
            lines.write(f"{begun} {time.monotonic()}\n")

    snapshots = Snapshots(Generations(state), write, interval_s=0.001)
    snapshots.start()

    def saves() -> list[tuple[float, float]]:
        snapshots.changed()
        pairs = [line.split() for line in log.read_text().splitlines()]
        return [(float(begun), float(ended)) for begun, ended in pairs]

    found = await until(lambda: saves() if len(saves()) > 3 else None)
    await snapshots.stop()
    for (begun, ended), (following, _) in pairwise(found):
        assert following - ended >= PAUSES * (ended - begun)
