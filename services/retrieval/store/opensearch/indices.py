"""The indices by name: made when missing, refused at start when they do not fit."""

from dataclasses import dataclass
from typing import Any

from opensearchpy import AsyncOpenSearch
from opensearchpy.exceptions import NotFoundError, RequestError

from services.retrieval.models.embedding_space import EmbeddingSpace, OtherEmbeddingSpace
from services.retrieval.store.opensearch import index_bodies


@dataclass(frozen=True, slots=True)
class Indices:
    """`passages` is the index of one model; the alias `current` names the one that is served."""

    prefix: str
    space: EmbeddingSpace

    @property
    def passages(self) -> str:
        return f"{self.prefix}passages-{self.space.slug}"

    @property
    def current(self) -> str:
        return f"{self.prefix}passages"

    @property
    def of_any_model(self) -> str:
        return f"{self.current}-*"

    @property
    def heads(self) -> str:
        """One record a document, whichever model its passages were embedded with."""
        return f"{self.prefix}heads"


async def prepare(client: AsyncOpenSearch, indices: Indices) -> None:
    """Makes what is missing; raises OtherEmbeddingSpace, with what to do.

    The alias is looked at once: a process reads and writes the index of its own model by name, so
    that vectors of two models never meet, whatever happens to the alias later.
    """
    await make(client, indices)
    served = await _served(client, indices.current)
    if not served:
        await client.indices.put_alias(index=indices.passages, name=indices.current)
    elif served != {indices.passages}:
        raise OtherEmbeddingSpace(
            f"the alias {indices.current} serves {', '.join(sorted(served))}, but the settings "
            f"want {indices.space}: `python -m services.retrieval.rebuild` with these settings "
            "builds that index and switches the alias; or set the embedding model it was made for"
        )


async def make(client: AsyncOpenSearch, indices: Indices) -> None:
    """The index of heads, and the model's index beside what is served; idempotent."""
    await _create(client, indices.heads, index_bodies.heads())
    await _create(client, indices.passages, index_bodies.passages(indices.space))
    await _require_fit(client, indices)
    added = {"properties": index_bodies.ADDED}
    await client.indices.put_mapping(index=indices.passages, body=added)


async def switch(client: AsyncOpenSearch, indices: Indices) -> None:
    """From now on processes that start serve this index, and those of other models refuse."""
    remove = {"remove": {"index": indices.of_any_model, "alias": indices.current}}
    add = {"add": {"index": indices.passages, "alias": indices.current}}
    served = await _served(client, indices.current)
    await client.indices.update_aliases(body={"actions": [remove, add] if served else [add]})


async def remove_others(client: AsyncOpenSearch, indices: Indices) -> list[str]:
    """Removes the indices of other models; their names. Nothing while one of them is served."""
    if await _served(client, indices.current) != {indices.passages}:
        return []
    others = set(await client.indices.get(index=indices.of_any_model)) - {indices.passages}
    for name in others:
        await client.indices.delete(index=name)
    return sorted(others)


async def _create(client: AsyncOpenSearch, name: str, body: dict[str, Any]) -> None:
    if await client.indices.exists(index=name):
        return
    try:
        await client.indices.create(index=name, body=body)
    except RequestError as error:
        # Another process was faster.
        if error.error != "resource_already_exists_exception":
            raise


async def _require_fit(client: AsyncOpenSearch, indices: Indices) -> None:
    found = (await client.indices.get_mapping(index=indices.passages))[indices.passages]["mappings"]
    vector = found.get("properties", {}).get("vector", {})
    wanted = index_bodies.meta(indices.space)
    fits = vector.get("dimension") == indices.space.dimension
    fits = fits and vector.get("method", {}).get("engine") == "lucene"
    if found.get("_meta") != wanted or not fits:
        raise OtherEmbeddingSpace(
            f"the index {indices.passages} was made for {found.get('_meta')} with vectors "
            f"{vector}, but the settings want {wanted}: delete the index and run "
            "`python -m services.retrieval.rebuild`, or set the embedding model it was made for"
        )


async def _served(client: AsyncOpenSearch, alias: str) -> set[str]:
    try:
        return set(await client.indices.get_alias(name=alias))
    except NotFoundError:
        return set()
