"""Which stores are made again from the manifests when the other kind was used last."""

from pathlib import Path

import pytest

from compose.local import refill
from compose.local.layout import Layout
from compose.local.plan import EMBEDDED, REAL


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.prepare()
    return made


def test_a_fresh_folder_has_nothing_to_fill(layout: Layout) -> None:
    assert not refill.lags(layout, EMBEDDED)
    assert not refill.lags(layout, REAL)


@pytest.mark.parametrize(("last", "now"), [(EMBEDDED, REAL), (REAL, EMBEDDED)])
def test_the_other_kind_lags_behind_and_the_same_does_not(
    layout: Layout, last: str, now: str
) -> None:
    layout.stores.write_text(last)
    assert refill.lags(layout, now)
    assert not refill.lags(layout, last)


def test_a_folder_from_before_there_was_a_choice_is_embedded(layout: Layout) -> None:
    (layout.search / "search-model-384.db").touch()
    assert refill.lags(layout, REAL)
    assert not refill.lags(layout, EMBEDDED)


@pytest.mark.parametrize("stores", [EMBEDDED, REAL])
def test_only_what_will_be_filled_is_emptied(layout: Layout, stores: str) -> None:
    for folder in layout.searched:
        (folder / "file").touch()
    refill.empty(layout, stores)
    left = {folder for folder in layout.searched if (folder / "file").exists()}
    assert left == ({layout.opensearch, layout.neo4j} if stores == EMBEDDED else {layout.search})
