"""What Neo4j holds of each document, what gone versions left, and the end of a tenant."""

from itertools import groupby
from typing import Any

from services.retrieval.models.holding import Held, HeldVersion, Page

_AUDIT_S = 30.0
_BATCH = 500


class Audited:
    """The part of a Neo4j store that audits and deletions of tenants use."""

    async def _read(
        self, statement: str, values: dict[str, Any], within_s: float = _AUDIT_S
    ) -> list[dict[str, Any]]:
        raise NotImplementedError

    async def _write(self, statement: str, values: dict[str, Any]) -> list[int]:
        raise NotImplementedError

    _HELD = """
    MATCH (v:Version {tenant: $tenant}) WHERE WHICH
    WITH DISTINCT v.document_id AS document_id ORDER BY document_id LIMIT $limit
    MATCH (v:Version {tenant: $tenant, document_id: document_id})
    OPTIONAL MATCH (v)<-[:OF]-(p:Passage {tenant: $tenant})
    OPTIONAL MATCH (p)-[:MENTIONS|ABOUT]->(e:Entity {tenant: $tenant})
    RETURN document_id, v.ordinal AS ordinal, count(DISTINCT p) AS passages,
      count(DISTINCT e) AS names
    ORDER BY document_id, ordinal
    """

    async def holdings(self, tenant: str, page: Page) -> list[Held]:
        which = "v.document_id IN $ids" if page.ids else "v.document_id > $after"
        values = {
            "tenant": tenant,
            "ids": list(page.ids),
            "after": page.after,
            "limit": len(page.ids) or page.limit,
        }
        rows = await self._read(self._HELD.replace("WHICH", which), values, _AUDIT_S)
        return [
            Held(
                of,
                versions=tuple(
                    HeldVersion(row["ordinal"], row["passages"], row["names"]) for row in group
                ),
            )
            for of, group in groupby(rows, key=lambda row: str(row["document_id"]))
        ]

    _STRAYS = (
        "MATCH (s:Passage {tenant: $tenant}) WHERE NOT EXISTS { (s)-[:OF]->() } WITH s",
        "MATCH (s:Entity {tenant: $tenant}) WHERE NOT EXISTS { (s)--() } WITH s",
    )

    async def strays(self, tenant: str, *, remove: bool) -> int:
        values = {"tenant": tenant, "batch": _BATCH}
        found = 0
        for strays in self._STRAYS:
            if not remove:
                rows = await self._read(f"{strays} RETURN count(s) AS found", values, _AUDIT_S)
                found += rows[0]["found"]
                continue
            delete = f"{strays} LIMIT $batch DETACH DELETE s RETURN count(*)"
            while sum(removed := await self._write(delete, values)):
                found += removed[0]
        return found

    _DROP = """
    MATCH (v:Version {tenant: $tenant, document_id: $document_id, ordinal: $ordinal})
    OPTIONAL MATCH (v)<-[:OF]-(p:Passage {tenant: $tenant})
    DETACH DELETE v, p
    """

    async def drop(self, tenant: str, document_id: str, ordinal: int) -> None:
        values = {"tenant": tenant, "document_id": document_id, "ordinal": ordinal}
        await self._write(self._DROP, values)

    async def remove_tenant(self, tenant: str) -> int:
        values = {"tenant": tenant, "batch": _BATCH}
        found = {"Passage": 0, "Version": 0, "Entity": 0}
        for kind in found:
            statement = f"MATCH (n:{kind} {{tenant: $tenant}}) WITH n LIMIT $batch"
            while removed := sum(
                await self._write(f"{statement} DETACH DELETE n RETURN count(*)", values)
            ):
                found[kind] += removed
        return found["Entity"]
