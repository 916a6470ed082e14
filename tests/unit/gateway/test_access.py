"""Access tokens: what is minted is understood, nothing else is."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from pydantic import ValidationError

from services.gateway.mint import main
from services.gateway.models.refusals import Unauthorized
from services.gateway.services.access import Access
from services.gateway.settings import GatewaySettings
from tests.unit.gateway.fakes import SECRET, a_principal, a_token

access = Access(SECRET)


def signed(**changes: Any) -> str:
    claims: dict[str, Any] = {
        "tenant": "acme",
        "sub": "ann",
        "scope": "chat",
        "exp": datetime.now(UTC) + timedelta(hours=1),
        "jti": "1",
    } | changes
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, SECRET, algorithm="HS256")


def test_a_minted_token_is_understood() -> None:
    ann = a_principal(groups=("law", "sales"))
    seen = access.verify(access.mint(ann, timedelta(minutes=1)))
    told = {"token_id": seen.token_id, "issued_at": seen.issued_at}
    assert seen == ann.model_copy(update=told)
    assert seen.token_id
    assert ann.visible_to == ("user:ann", "group:law", "group:sales")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "not.a.token",
        a_token(secret="another secret of at least 32 bytes"),
        jwt.encode({"tenant": "acme", "sub": "ann"}, "", algorithm="none"),
        signed(tenant=None),
        signed(sub=None),
        signed(exp=None),
        signed(jti=None),
        signed(tenant="../acme"),
        signed(tenant=""),
        signed(scope=["chat"]),
        signed(groups="law"),
        signed(sub="u" * 129),
    ],
)
def test_a_token_that_cannot_be_trusted_is_refused(token: str) -> None:
    with pytest.raises(Unauthorized, match="not valid"):
        access.verify(token)


def test_an_expired_token_says_so() -> None:
    with pytest.raises(Unauthorized, match="expired"):
        access.verify(a_token(life=timedelta(seconds=-1)))


def test_a_token_that_was_understood_before_still_expires() -> None:
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    token, now = signed(exp=ends), ends.timestamp() - 1
    on_time = Access(SECRET, now=lambda: now)
    assert on_time.verify(token) == on_time.verify(token)
    now += 1
    with pytest.raises(Unauthorized, match="expired"):
        on_time.verify(token)


def test_the_secret_must_be_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAGOPS_TOKEN_SECRET", "short")
    with pytest.raises(ValidationError, match="at least 32 bytes"):
        GatewaySettings()


def test_the_command_prints_a_token(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAGOPS_TOKEN_SECRET", SECRET)
    assert (
        main(["--tenant", "demo", "--user", "ann", "--scopes", "chat,search", "--days", "2"]) == 0
    )
    who = access.verify(capsys.readouterr().out.strip())
    assert (who.tenant, who.user, sorted(who.scopes)) == ("demo", "ann", ["chat", "search"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--user", "ann"], "--tenant"),
        (["--tenant", "demo", "--user", "ann", "--scopes", "fly"], "unknown scope fly"),
        (["--tenant", "de mo", "--user", "ann"], "tenant"),
        (["--tenant", "demo", "--user", "ann", "--days", "0"], "--days"),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RAGOPS_TOKEN_SECRET", SECRET)
    with pytest.raises(SystemExit):
        main(arguments)
    assert says in capsys.readouterr().err
