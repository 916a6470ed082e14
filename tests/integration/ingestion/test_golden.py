"""What is read in the golden corpus, to the character: another reader has to do the same."""

import pytest

from contracts.ingestion.media_types import KNOWN, media_type_of
from services.ingestion.services.reading.readers import READERS, read
from tests.integration.ingestion.corpus import GOLDEN, SAME_AS, SAMPLES, shown
from tests.integration.ingestion.variations import VARIATIONS

BODIES = VARIATIONS | {name: sample.body for name, sample in SAMPLES.items()}


def test_every_kind_has_a_sample_and_every_sample_its_text() -> None:
    assert {name.rpartition(".")[2] for name in SAMPLES} | set(SAME_AS) == set(KNOWN)
    assert {path.stem for path in GOLDEN.glob("*.expected")} == {*SAMPLES, *VARIATIONS}
    assert not SAMPLES.keys() & VARIATIONS.keys()
    assert set(READERS) == set(KNOWN)


@pytest.mark.parametrize("name", sorted({*SAMPLES, *VARIATIONS}))
def test_a_file_is_read_to_the_character(name: str) -> None:
    found = shown(read(BODIES[name], media_type_of(name) or ""))
    assert found == (GOLDEN / f"{name}.expected").read_text()


@pytest.mark.parametrize("extension", sorted(SAME_AS))
def test_extensions_of_one_kind_have_one_reader(extension: str) -> None:
    assert READERS[extension] == READERS[SAME_AS[extension]]
