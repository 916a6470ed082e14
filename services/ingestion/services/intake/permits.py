"""Who may send for which tenant, and which objects are a tenant's own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.topology import INBOX_PREFIX, UPLOADS_PREFIX
from services.ingestion.models.errors import Unwelcome

ANY = "*"


@dataclass(frozen=True)
class Permits:
    """SQS SenderId → tenants; `*` stands for any sender or any tenant.

    A role's SenderId is `AROA…:session`; the part before the colon is enough here.
    """

    senders: Mapping[str, Sequence[str]]

    def check(self, context: Context) -> None:
        """Raises Unwelcome."""
        sender = context.sender or ""
        for name in (sender, sender.partition(":")[0], ANY):
            if {context.tenant, ANY} & set(self.senders.get(name, ())):
                return
        raise Unwelcome(
            f"sender {sender or 'unknown'} may not send for tenant {context.tenant}:"
            " add it to the setting RAGOPS_SENDERS"
        )


EVERYONE = Permits({ANY: (ANY,)})


def check_key(tenant: str, key: str) -> None:
    """Raises Unwelcome for an object that is not under the tenant's own prefixes."""
    own = (f"{INBOX_PREFIX}{tenant}/", f"{UPLOADS_PREFIX}{tenant}/")
    if not key.startswith(own):
        raise Unwelcome(f"the object's key must begin with {own[0]} or {own[1]}")
