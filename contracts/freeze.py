"""`python -m contracts.freeze`: writes the schema of each message that has none yet.

A released schema is never rewritten: change a message by adding an optional field (the frozen
schema then has to be released again by hand, see docs/adr) or by a new version.
"""

import json
from pathlib import Path
from typing import Any

from contracts.message import Message
from contracts.registry import MESSAGES

FOLDER = Path(__file__).parent / "schemas"


def path_of(kind: type[Message]) -> Path:
    return FOLDER / f"{kind.message_type}.v{kind.message_version}.json"


def schema_of(kind: type[Message]) -> dict[str, Any]:
    return kind.model_json_schema(mode="validation")


def main() -> None:
    for kind in MESSAGES:
        path = path_of(kind)
        if not path.exists():
            path.write_text(json.dumps(schema_of(kind), indent=2, sort_keys=True) + "\n")
            print(f"frozen: {path.name}")  # noqa: T201


if __name__ == "__main__":
    main()
