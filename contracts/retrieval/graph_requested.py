"""GraphRequested: what stands around an entity; answered by GraphAnswered."""

from pydantic import Field

from contracts.message import Message

ENTITY_MAX = 200
ENTITIES, ENTITIES_MAX = 24, 100


class GraphRequestedV1(Message):
    """`visible_to` is the principal's own set (`user:…`, `group:…`), never taken from a client.

    `entity` is folded as in the manifest (contracts/ingestion/entity_name.py). RequestFailed says
    `invalid_entity` for what is no name, `not_found` for one that no passage in scope leads to.
    """

    entity: str = Field(min_length=1, max_length=ENTITY_MAX)
    limit: int = Field(default=ENTITIES, ge=1, le=ENTITIES_MAX)
    visible_to: tuple[str, ...] = ()
