"""Who may send, and whose object it is."""

import pytest

from contracts.envelope import Context
from services.ingestion.models.errors import Unwelcome
from services.ingestion.services.intake.permits import Permits, check_key


@pytest.mark.parametrize(
    ("senders", "welcome"),
    [
        ({}, False),
        ({"AIDA1": ["acme"]}, True),
        ({"AIDA1": ["globex"]}, False),
        ({"AIDA1": ["*"]}, True),
        ({"*": ["acme"]}, True),
        ({"AIDA2": ["*"]}, False),
    ],
)
def test_a_sender_needs_the_tenant(senders: dict[str, list[str]], welcome: bool) -> None:
    context = Context(tenant="acme", sender="AIDA1")
    if welcome:
        Permits(senders).check(context)
    else:
        with pytest.raises(Unwelcome, match=r"AIDA1 may not send for tenant acme.*RAGOPS_SENDERS"):
            Permits(senders).check(context)


def test_a_role_is_known_by_any_session() -> None:
    Permits({"AROA1": ["acme"]}).check(Context(tenant="acme", sender="AROA1:task-7"))


def test_nobody_is_not_everybody() -> None:
    with pytest.raises(Unwelcome, match="unknown"):
        Permits({"AIDA1": ["*"]}).check(Context(tenant="acme"))


@pytest.mark.parametrize("key", ["inbox/globex/a", "inbox/acme", "uploads/acme2/a", "manifests/a"])
def test_a_key_must_be_the_tenants_own(key: str) -> None:
    with pytest.raises(Unwelcome, match=r"inbox/acme/ or uploads/acme/"):
        check_key("acme", key)


def test_own_keys_are_welcome() -> None:
    check_key("acme", "inbox/acme/a")
    check_key("acme", "uploads/acme/1/a")
