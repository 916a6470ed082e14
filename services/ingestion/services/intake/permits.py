"""Who may send for which tenant, and which objects are a tenant's own."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from contracts.envelope import Context
from contracts.topology import INBOX_PREFIX, UPLOADS_PREFIX
from services.ingestion.models.errors import Unwelcome

ANY = "*"


@dataclass(frozen=True)
class Permits:
    """SQS SenderId → tenants; `*` stands for any sender or any tenant.

    A role's SenderId is `AROA…:session`; the part before the colon is enough here. `s3` are the
    senders whose notifications of drops are believed for every tenant.
    """

    senders: Mapping[str, Sequence[str]]
    s3: Collection[str] = ()

    def check(self, context: Context) -> None:
        """Raises Unwelcome."""
        sender = self._judged(context)
        if not {context.tenant, ANY} & self._tenants(sender):
            raise Unwelcome(f"{_refused(sender, context)}: add it to the setting RAGOPS_SENDERS")

    def check_drop(self, context: Context) -> bool:
        """True when S3 itself tells of the drop, so that its sequencer counts.

        False for another sender that may send for the tenant. Raises Unwelcome for the others.
        """
        sender = self._judged(context)
        if not {*_names(sender)}.isdisjoint(self.s3):
            return True
        if {context.tenant, ANY} & self._tenants(sender):
            return False
        raise Unwelcome(
            f"{_refused(sender, context)}: add it to the setting RAGOPS_SENDERS, or to"
            " RAGOPS_S3_SENDERS when it is S3 itself"
        )

    def _judged(self, context: Context) -> str:
        """Who may send for every tenant is a relay: the first sender is judged, if it names one."""
        sender = context.sender or ""
        if context.first_sender and ANY in self._tenants(sender):
            return context.first_sender
        return sender

    def _tenants(self, sender: str) -> set[str]:
        return {tenant for name in _names(sender) for tenant in self.senders.get(name, ())}


def _names(sender: str) -> tuple[str, str, str]:
    return sender, sender.partition(":")[0], ANY


def _refused(sender: str, context: Context) -> str:
    return f"sender {sender or 'unknown'} may not send for tenant {context.tenant}"


def check_key(tenant: str, key: str) -> None:
    """Raises Unwelcome for an object that is not under the tenant's own prefixes."""
    own = (f"{INBOX_PREFIX}{tenant}/", f"{UPLOADS_PREFIX}{tenant}/")
    if not key.startswith(own):
        raise Unwelcome(f"the object's key must begin with {own[0]} or {own[1]}")
