"""Who runs the system of a state folder: for `stop`, `status` and the next run."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import psutil

from compose.local.layout import write_private
from compose.local.process_list import Entry


@dataclass(frozen=True)
class Owner:
    """The supervising process and where its gateway listens."""

    pid: int
    created: float
    url: str

    @classmethod
    def here(cls, url: str) -> Self:
        return cls(os.getpid(), psutil.Process().create_time(), url)

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """None when no one ever ran it, or the last run ended well."""
        return cls(**json.loads(path.read_text())) if path.exists() else None

    def write(self, path: Path) -> None:
        write_private(path, json.dumps(asdict(self)))

    def process(self) -> psutil.Process | None:
        return Entry("run", self.pid, self.created).process()
