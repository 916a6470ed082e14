"""The shell's AWS account: what of it the services get, and what is said when it cannot be used."""

import os
from pathlib import Path

import pytest

from compose.local.account import Account, require_same_models
from compose.local.environment import child_environment
from compose.local.errors import LocalError
from compose.local.layout import Layout
from compose.local.parts.services import services
from compose.local.plan import Plan


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """One without AWS settings of any kind."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "RAGOPS_"))]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@pytest.fixture
def person(shell: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    shell.setenv("AWS_ACCESS_KEY_ID", "AKIAPERSON")
    shell.setenv("AWS_SECRET_ACCESS_KEY", "a secret")
    shell.setenv("AWS_REGION", "eu-west-1")
    return shell


def test_without_credentials_it_says_which_to_set(shell: pytest.MonkeyPatch) -> None:
    with pytest.raises(LocalError, match="export AWS_PROFILE"):
        Account.of_shell()


def test_without_a_region_it_says_which_to_set(person: pytest.MonkeyPatch) -> None:
    person.delenv("AWS_REGION")
    with pytest.raises(LocalError, match="export AWS_REGION"):
        Account.of_shell()


def test_a_shell_that_speaks_to_the_emulator_is_refused(person: pytest.MonkeyPatch) -> None:
    person.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    with pytest.raises(LocalError, match="in a new shell"):
        Account.of_shell()


def test_a_profile_is_passed_on_instead_of_the_dummies(
    shell: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text(
        "[profile work]\nregion = eu-north-1\naws_access_key_id = A\naws_secret_access_key = b\n"
    )
    shell.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    shell.setenv("AWS_PROFILE", "work")
    account = Account.of_shell()
    seen = child_environment({}, account.variables)
    assert account.region == seen["AWS_REGION"] == "eu-north-1"
    assert seen["AWS_PROFILE"] == "work"
    assert "AWS_ACCESS_KEY_ID" not in seen
    runtime = seen["AWS_ENDPOINT_URL_BEDROCK_RUNTIME"]
    assert runtime == "https://bedrock-runtime.eu-north-1.amazonaws.com"


def test_only_the_services_that_call_models_get_the_credentials(
    person: pytest.MonkeyPatch,
) -> None:
    plan = Plan.make(0, 0, "ministack", account=Account.of_shell())
    keys = {
        part.name: child_environment(part.env, part.aws)["AWS_ACCESS_KEY_ID"]
        for part in services(plan, {})
    }
    theirs = {name for name, key in keys.items() if key == "AKIAPERSON"}
    assert theirs == {"gateway", "retrieval", "ingestion"}
    assert keys["memory"] == keys["finetune_export"] == "test"


def test_a_folder_keeps_its_models(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    ireland, virginia = Account("eu-west-1", {}), Account("us-east-1", {})
    require_same_models(layout, ireland)
    require_same_models(layout, ireland)
    for other in (None, virginia):
        with pytest.raises(LocalError, match="Bedrock in eu-west-1") as caught:
            require_same_models(layout, other)
        assert "STATE=.ragops-other" in str(caught.value)


def test_a_folder_from_before_there_was_a_choice_is_local(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.prepare()
    (layout.postgres / "data").mkdir()
    with pytest.raises(LocalError, match="To go on with those documents: make run"):
        require_same_models(layout, Account("eu-west-1", {}))
    require_same_models(layout, None)
