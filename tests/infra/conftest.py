"""One assembly for all of these tests: synthesised once, with cdk-nag."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra.profiles import PROFILES, Models
from infra.synth import synth
from tests.infra.matrix import IMAGE
from tests.infra.templates import Templates


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the small profile's templates. A finding of cdk-nag ends it with its words."""
    folder = tmp_path_factory.mktemp("small")
    synth(PROFILES["small"], folder, check=True)
    return folder


@pytest.fixture(scope="session")
def templates(assembly: Path) -> Templates:
    return Templates.read(assembly)


@pytest.fixture(scope="session")
def standard(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    folder = tmp_path_factory.mktemp("standard")
    synth(PROFILES["standard"], folder)
    return Templates.read(folder)


@pytest.fixture(scope="session")
def with_image(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """The small profile with an image that trains, checked by cdk-nag as well."""
    models = Models(images={"meta.llama3-3-70b-instruct-v1:0": IMAGE})
    folder = tmp_path_factory.mktemp("with-image")
    synth(replace(PROFILES["small"], models=models), folder, check=True)
    return Templates.read(folder)
