"""ministack's state on disk as whole generations: a kill leaves the last one, never half of one."""

import os
import shutil
import tempfile
from pathlib import Path

# Where ministack itself wrote before there were generations.
_FIRST = "state"
_NEXT = "state-"
_STAGED = "saving-"


class Generations:
    """Numbered folders, each with one JSON file a service; only the newest counts."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def newest(self) -> Path:
        """Its folder; it need not exist when nothing was saved yet."""
        numbers = self._numbers()
        return self._root / (f"{_NEXT}{max(numbers)}" if numbers else _FIRST)

    def stage(self) -> Path:
        """A fresh folder to write the next generation into."""
        return Path(tempfile.mkdtemp(prefix=_STAGED, dir=self._root))

    def commit(self, staged: Path) -> None:
        """Makes `staged` the newest in one step, safe on the disk, and removes the older ones."""
        for file in staged.iterdir():
            _sync(file)
        _sync(staged)
        staged.rename(self._root / f"{_NEXT}{max(self._numbers(), default=0) + 1}")
        _sync(self._root)
        self.remove_others()

    def remove_others(self) -> None:
        """What is older than the newest, and what a killed process staged."""
        newest = self.newest()
        for folder in self._root.glob("s*"):
            ours = folder.name == _FIRST or folder.name.startswith((_NEXT, _STAGED))
            if ours and folder != newest:
                shutil.rmtree(folder)

    def _numbers(self) -> list[int]:
        return [int(folder.name.removeprefix(_NEXT)) for folder in self._root.glob(f"{_NEXT}*")]


def _sync(path: Path) -> None:
    """Without it the rename may reach the disk before what it renames."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
