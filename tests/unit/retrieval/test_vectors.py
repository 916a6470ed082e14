"""The vectors in memory: exact, in scope, and in step with what is added and removed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.retrieval.store.sqlite import vectors as module
from services.retrieval.store.sqlite.vectors import Row, Vectors

ALL = np.array([1], np.int64)


def unit(seed: int) -> "module.Floats":
    vector = np.random.default_rng(seed).standard_normal(4).astype(np.float32)
    return (vector / np.linalg.norm(vector)).astype("<f2").astype(np.float32)


def row(number: int, version: int = 1, audience: int = 1, *, shown: bool = True) -> Row:
    return Row(number, version, audience, shown, unit(number).astype("<f2").tobytes())


def ids(found: list[tuple[int, float]]) -> list[int]:
    return [number for number, _ in found]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK_ROWS", 3)


# The fixture only sets a constant, so that it need not be fresh for each example.
@settings(deadline=None)
@given(st.sets(st.integers(0, 50)), st.sets(st.integers(0, 50)), st.integers(1, 60))
def test_the_first_k_are_the_exact_ones(added: set[int], removed: set[int], k: int) -> None:
    vectors = Vectors(4)
    for number in added:
        vectors.add(1, [row(number, version=number)])
    for number in removed:
        vectors.remove(1, number)
    question, kept = unit(999), sorted(added - removed)
    found = vectors.nearest(1, question, ALL, None, k)
    exact = sorted(kept, key=lambda number: (-float(unit(number) @ question), number))
    assert ids(found) == exact[:k]


def test_a_removed_row_is_used_again_by_another_version_as_itself() -> None:
    vectors = Vectors(4)
    vectors.add(1, [row(n, version=1) for n in range(5)])
    vectors.remove(1, 1)
    vectors.add(1, [row(n, version=2, audience=2) for n in (10, 11)])
    assert vectors.nearest(1, unit(1), ALL, None, 9) == []
    assert sorted(ids(vectors.nearest(1, unit(1), np.array([2]), None, 9))) == [10, 11]


def test_hidden_rows_and_other_versions_are_left_out() -> None:
    vectors = Vectors(4)
    vectors.add(1, [row(1, version=1), row(2, version=2), row(3, version=3, shown=False)])
    assert sorted(ids(vectors.nearest(1, unit(1), ALL, None, 9))) == [1, 2]
    assert ids(vectors.nearest(1, unit(1), ALL, np.array([2, 3]), 9)) == [2]
    vectors.show(1, 3, True)
    vectors.show(1, 2, False)
    assert sorted(ids(vectors.nearest(1, unit(1), ALL, None, 9))) == [1, 3]


def test_tenants_are_apart_and_an_unknown_one_has_nothing() -> None:
    vectors = Vectors(4)
    vectors.add(1, [row(1)])
    assert vectors.nearest(2, unit(1), ALL, None, 9) == []
    vectors.remove(2, 1)
    vectors.show(2, 1, False)
    assert ids(vectors.nearest(1, unit(1), ALL, None, 9)) == [1]


def test_equal_vectors_stand_in_order_of_row() -> None:
    vectors = Vectors(4)
    same = unit(1).astype("<f2").tobytes()
    vectors.add(1, [Row(n, 1, 1, True, same) for n in (9, 4, 7, 2)])
    assert ids(vectors.nearest(1, unit(1), ALL, None, 4)) == [2, 4, 7, 9]
