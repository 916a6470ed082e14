"""Citations are checked while the answer streams."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.services.turn.citations import Citations

KNOWN = (1, 2, 3)


def streamed(pieces: list[str]) -> tuple[str, tuple[int, ...]]:
    citations = Citations(KNOWN)
    text = "".join(citations.feed(piece) for piece in pieces) + citations.finish()
    return text, citations.cited


@pytest.mark.parametrize(
    ("said", "shown", "cited"),
    [
        ("Forty euros [1].", "Forty euros [1].", (1,)),
        ("Forty euros [1, 2].", "Forty euros [1][2].", (1, 2)),
        ("Forty euros [2; 1] a day [2].", "Forty euros [2][1] a day [2].", (2, 1)),
        ("Forty euros [9].", "Forty euros.", ()),
        ("Forty [9] euros", "Forty euros", ()),
        ("Forty [1, 9] euros", "Forty [1] euros", (1,)),
        ("Forty [0][1][99999]", "Forty[1][99999]", (1,)),
        ("see [the guide] and [x", "see [the guide] and [x", ()),
        ("[[1]]", "[[1]]", (1,)),
        ("array[", "array[", ()),
        ("[not\n1]", "[not\n1]", ()),
        ("[" + "1" * 60 + "]", "[" + "1" * 60 + "]", ()),
        ("", "", ()),
    ],
)
def test_a_citation_without_source_is_left_out(
    said: str, shown: str, cited: tuple[int, ...]
) -> None:
    assert streamed([said]) == (shown, cited)


def test_text_is_held_back_only_from_the_bracket() -> None:
    citations = Citations(KNOWN)
    assert citations.feed("Forty euros [") == "Forty euros"
    assert citations.feed("1") == ""
    assert citations.feed("] a day") == " [1] a day"


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["[", "]", "[1]", " [9]", "[1, 2]", " ", "\n", "1", ",", "[x]"]),
            st.text(alphabet="ab1 [],;\n", max_size=50),
        ),
        max_size=30,
    ),
    st.data(),
)
def test_any_cut_of_the_stream_gives_the_same(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=20)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert streamed(pieces) == streamed([text]) == streamed(list(text))


@given(st.text(alphabet="ab19 [],\n", max_size=80))
def test_every_citation_left_in_the_text_has_a_source(text: str) -> None:
    shown, cited = streamed([text])
    again, cited_again = streamed([shown])
    assert set(cited) <= set(KNOWN)
    assert cited_again == cited
    assert again == shown
