"""The state folder: where everything lies, and the passwords that only this machine knows."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DEFAULT_STATE = REPOSITORY / ".ragops"


@dataclass(frozen=True)
class Secrets:
    """Made once per state folder: stores on loopback ports are open to every user otherwise."""

    token_secret: str
    postgres_password: str
    valkey_password: str


@dataclass(frozen=True)
class Layout:
    """Paths under one folder that only its owner can enter."""

    root: Path

    def prepare(self) -> None:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root.chmod(0o700)
        stores = (self.valkey, self.postgres, self.emulator, self.models, *self.searched)
        for folder in (self.logs, *stores):
            folder.mkdir(exist_ok=True)

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def valkey(self) -> Path:
        return self.root / "valkey"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def emulator(self) -> Path:
        return self.root / "aws"

    @property
    def models(self) -> Path:
        return self.root / "bedrock"

    @property
    def search(self) -> Path:
        return self.root / "search"

    @property
    def opensearch(self) -> Path:
        return self.root / "opensearch"

    @property
    def neo4j(self) -> Path:
        return self.root / "neo4j"

    @property
    def searched(self) -> tuple[Path, Path, Path]:
        """All that can be made again from the manifests."""
        return self.search, self.opensearch, self.neo4j

    @property
    def stores(self) -> Path:
        """Which of the two kinds of search stores the last run had."""
        return self.root / "stores"

    @property
    def ledger_opened(self) -> Path:
        """Is there once the ledger was opened: an empty one after that is a lost one."""
        return self.root / "ledger-opened"

    @property
    def models_used(self) -> Path:
        """Whose models embedded the documents."""
        return self.root / "models"

    @property
    def token(self) -> Path:
        return self.root / "token"

    @property
    def env(self) -> Path:
        """For commands run by hand: `set -a; . .ragops/env`."""
        return self.root / "env"

    @property
    def run(self) -> Path:
        """Who runs this system, and where it listens."""
        return self.root / "run.json"

    @property
    def processes(self) -> Path:
        """Every process started and not yet seen to end."""
        return self.root / "processes.json"

    @property
    def samples(self) -> Path:
        """There when the sample documents were handed in once."""
        return self.root / "samples.done"

    def secrets(self) -> Secrets:
        path = self.root / "secrets.json"
        if not path.exists():
            fresh = {name: secrets.token_urlsafe(36) for name in Secrets.__dataclass_fields__}
            write_private(path, json.dumps(fresh))
        return Secrets(**json.loads(path.read_text()))


def write_private(path: Path, text: str) -> None:
    """Replaces the file in one step; readable by its owner only."""
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(path)
