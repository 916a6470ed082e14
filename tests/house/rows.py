"""An import-linter contract for one row of the house's table: a room and what it may import."""

import sys
from fnmatch import fnmatchcase
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

PARTS_OF_A_SERVICE = 2


class RoomContract(Contract):
    """Every module matching `room` (but not `but`) imports only what `may_import` begins.

    The standard library is always allowed; `{service}` stands for the service's own package and
    `*` for anything.
    """

    room: Any = fields.ListField(subfield=fields.StringField())
    but: Any = fields.ListField(subfield=fields.StringField(), required=False)
    may_import: Any = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        del verbose
        found: list[tuple[str, str]] = []
        for importer in sorted(graph.modules):
            if not _matches(importer, self.room) or _matches(importer, self.but or []):
                continue
            allowed = [self._of(importer, prefix) for prefix in self.may_import]
            found += [
                (importer, imported)
                for imported in sorted(graph.find_modules_directly_imported_by(importer))
                if not _allowed(imported, allowed)
            ]
        return ContractCheck(kept=not found, metadata={"found": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["found"]:
            output.print_error(f"{importer} may not import {imported}")

    @staticmethod
    def _of(importer: str, prefix: str) -> str:
        service = ".".join(importer.split(".")[:PARTS_OF_A_SERVICE])
        return prefix.replace("{service}", service)


def _matches(module: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(module, pattern) for pattern in patterns)


def _allowed(imported: str, allowed: list[str]) -> bool:
    if imported.partition(".")[0] in sys.stdlib_module_names:
        return True
    return any(
        prefix == "*" or imported == prefix or imported.startswith(prefix + ".")
        for prefix in allowed
    )
