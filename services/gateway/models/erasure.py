"""The erasure of a user, the deletion of a tenant, and their receipts."""

from datetime import datetime
from hashlib import sha256

from pydantic import BaseModel, ConfigDict, Field

RECEIPT_LIFETIME_S = 30 * 24 * 3600
# The second round looks again for turns that came late.
ROUNDS = 2
# Of a tenant: the second one ends when its documents are gone, the third looks for the rest.
TENANT_ROUNDS = 3
# Who has to answer each round. Ingestion and retrieval hold documents, which are the tenant's.
SERVICES = frozenset({"gateway", "memory", "finetune_export"})
TENANT_SERVICES = SERVICES | {"ingestion", "retrieval"}
# Receipts of deleted tenants are the operators': they lie under this, which is no tenant's name.
PLATFORM = "-"
Removed = dict[str, int]


class Erasure(BaseModel):
    """`user` is None when it is over, and for a tenant; `who` is a hash of the name.

    `whole`: the tenant is deleted. When that is over, `tenant` is PLATFORM.
    """

    model_config = ConfigDict(frozen=True)

    erasure_id: str
    tenant: str
    user: str | None
    who: str
    asked_until: datetime
    round: int = 1
    whole: bool = False
    # By service and round.
    removed: dict[str, dict[int, Removed]] = Field(default_factory=dict)
    # ARNs of models that were trained on it: it cannot be taken out of them.
    models: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """Under whom the receipt lies."""
        return PLATFORM if self.whole else self.tenant

    @property
    def services(self) -> frozenset[str]:
        return TENANT_SERVICES if self.whole else SERVICES

    @property
    def complete(self) -> bool:
        return not self.waiting_for(TENANT_ROUNDS if self.whole else ROUNDS)

    @property
    def next_round(self) -> int:
        """A user's second round begins in any case, a tenant's when all have answered the first."""
        if not self.whole:
            return ROUNDS
        return self.round if self.waiting_for(self.round) else min(self.round + 1, TENANT_ROUNDS)

    def waiting_for(self, round: int) -> list[str]:
        """The services that have not answered it."""
        return [one for one in sorted(self.services) if round not in self.removed.get(one, {})]

    @property
    def totals(self) -> dict[str, Removed]:
        """By service and place, over all rounds."""
        sums: dict[str, Removed] = {}
        for service, rounds in self.removed.items():
            places = sums.setdefault(service, {})
            for removed in rounds.values():
                for place, count in removed.items():
                    places[place] = places.get(place, 0) + count
        return sums


def hidden(name: str) -> str:
    """A receipt outlives the erasure, so it does not hold the name."""
    return sha256(name.encode()).hexdigest()
