"""The semantic cache's threshold and its figures are those of the labelled pairs."""

from pathlib import Path

import pytest

from compose.local.layout import REPOSITORY
from services.gateway.settings import GatewaySettings
from tests.quality.alike.choosing import Pair, chosen, hits, read_pairs, table, with_cosines
from tests.quality.embedder import Embedder


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Pair], list[Pair]]:
    embedder = Embedder(tmp_path_factory.mktemp("vectors"))
    return (
        with_cosines(read_pairs("pairs"), embedder),
        with_cosines(read_pairs("held_out"), embedder),
    )


def test_the_threshold_is_the_one_that_the_pairs_give(
    sets: tuple[list[Pair], list[Pair]],
) -> None:
    pairs, _ = sets
    assert len(pairs) >= 300
    assert GatewaySettings.model_fields["cache_alike"].default == chosen(pairs)


def test_no_near_miss_shares_an_answer(sets: tuple[list[Pair], list[Pair]]) -> None:
    """Of the pairs kept aside no figure is asserted: nothing may be tuned on them."""
    pairs, _ = sets
    near = [pair for pair in pairs if pair.kind != "same"]
    assert hits(near, chosen(pairs))[0] == 0


def test_the_table_in_the_readme_is_current(sets: tuple[list[Pair], list[Pair]]) -> None:
    pairs, held_out = sets
    assert table(chosen(pairs), pairs, held_out) in Path(REPOSITORY / "README.md").read_text()
