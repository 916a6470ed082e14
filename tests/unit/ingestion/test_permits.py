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


RELAY: dict[str, list[str]] = {"AROA1": ["*"], "AIDA1": ["acme"], "AIDA2": ["globex"]}


@pytest.mark.parametrize(
    ("sender", "first", "welcome"),
    [
        ("AROA1:task", None, True),
        ("AROA1:task", "AIDA1", True),
        ("AROA1:task", "AIDA2", False),
        ("AROA1:task", "AIDA3", False),
        # Whom an ordinary sender names counts for nothing.
        ("AIDA1", "AIDA2", True),
        ("AIDA2", "AIDA1", False),
        ("AIDA2", "AROA1", False),
    ],
)
def test_of_a_message_that_was_sent_again_the_first_sender_is_judged(
    sender: str, first: str | None, welcome: bool
) -> None:
    """Issue 10, 10."""
    context = Context(tenant="acme", sender=sender, first_sender=first)
    if welcome:
        Permits(RELAY).check(context)
    else:
        with pytest.raises(Unwelcome, match=first if sender.startswith("AROA1") else sender):
            Permits(RELAY).check(context)


@pytest.mark.parametrize(
    ("sender", "first", "by_s3"),
    [
        ("AROAS3:S3-PROD-END", None, True),
        ("AROA1:task", "AROAS3:S3-PROD-END", True),
        ("AIDA1", None, False),
        # Whoever takes on a role names its session.
        ("AROA2:S3-PROD-END", None, None),
        ("AIDA2", None, None),
        ("AIDA2", "AROAS3:S3-PROD-END", None),
        (None, None, None),
    ],
)
def test_a_drop_is_told_by_s3_or_by_who_may_send_for_its_tenant(
    sender: str | None, first: str | None, by_s3: bool | None
) -> None:
    """Issue 10, 4: and only S3's own sequencers count."""
    permits = Permits(RELAY, s3=("AROAS3",))
    context = Context(tenant="acme", sender=sender, first_sender=first)
    if by_s3 is None:
        with pytest.raises(Unwelcome, match="RAGOPS_S3_SENDERS"):
            permits.check_drop(context)
    else:
        assert permits.check_drop(context) is by_s3


def test_on_one_machine_any_sender_is_s3() -> None:
    assert Permits({}, s3=("*",)).check_drop(Context(tenant="acme"))


@pytest.mark.parametrize("key", ["inbox/globex/a", "inbox/acme", "uploads/acme2/a", "manifests/a"])
def test_a_key_must_be_the_tenants_own(key: str) -> None:
    with pytest.raises(Unwelcome, match=r"inbox/acme/ or uploads/acme/"):
        check_key("acme", key)


def test_own_keys_are_welcome() -> None:
    check_key("acme", "inbox/acme/a")
    check_key("acme", "uploads/acme/1/a")
