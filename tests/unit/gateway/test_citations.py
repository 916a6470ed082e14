"""Citations are checked while the answer streams."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.services.turn.citations import EMPTY_ANSWER, Citations, without_thoughts

KNOWN = (1, 2, 3)
SOURCE = (
    "The value stands in\nfield [3] of the record. It was 40 euros [2] once, see <think> there."
)


def streamed(pieces: list[str], source: str = "") -> tuple[str, tuple[int, ...]]:
    citations = Citations(KNOWN, [source])
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
        ("Forty [0][1][99999]", "Forty [1][99999]", (1,)),
        ("see [the guide] and [x", "see [the guide] and [x", ()),
        ("[[1]]", "[[1]]", (1,)),
        ("array[", "array[", ()),
        ("[not\n1]", "[not\n1]", ()),
        ("[" + "1" * 60 + "]", "[" + "1" * 60 + "]", ()),
        ("Forty euros【1】.", "Forty euros [1].", (1,)),
        ("Forty euros 【1†policy.md】.", "Forty euros [1].", (1,)),
        ("Forty euros[^1^] or[^2].", "Forty euros [1] or [2].", (1, 2)),
        ("Forty [Source 1] and [source 1, 3]", "Forty [1] and [1][3]", (1, 3)),
        ("Forty [sources 1 and 2], [Quelle 3]", "Forty [1][2], [3]", (1, 2, 3)),
        ("六百元[1]。【2】", "六百元[1]。[2]", (1, 2)),
        ("Forty.[1][2] Fifty.", "Forty.[1][2] Fifty.", (1, 2)),
        ("The order of [2019] holds [1]", "The order of [2019] holds [1]", (1,)),
    ],
)
def test_a_citation_without_source_is_left_out(
    said: str, shown: str, cited: tuple[int, ...]
) -> None:
    assert streamed([said]) == (shown, cited)


@pytest.mark.parametrize(
    "said",
    [
        "It reads args[2] and f(x)[1], m[0][1], größe[3].",
        "It reads `first [1]` of the list.",
        "```\nx = [1]\ny = [2]\n```\n",
        "A [guide][1] and a tick ` and no other",
    ],
)
def test_code_is_no_citation(said: str) -> None:
    assert streamed([said]) == (said, ())
    assert streamed([f"{said} [1]"]) == (f"{said} [1]", (1,))


@pytest.mark.parametrize(
    ("said", "shown", "cited"),
    [
        ("It stands in field [3] of the record. [1]", None, (1,)),
        ("It was 40 euros [2] once [3].", None, (3,)),
        ("At once, see <think> there [1]", None, (1,)),
        ("It is in field [9] of it [3]", "It is in field of it [3]", (3,)),
    ],
)
def test_a_bracket_that_stands_so_in_a_source_is_quoted(
    said: str, shown: str | None, cited: tuple[int, ...]
) -> None:
    assert streamed([said], SOURCE) == (shown or said, cited)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("<think>Is it [1]?\n`</think>\n\nForty [1].", "Forty [1]."),
        ("\n<thinking>Hm</thinking> Forty.", "Forty."),
        ("Forty <think>or fifty</think>euros.", "Forty euros."),
        ("The tag `<think>` opens it.", "The tag `<think>` opens it."),
        ("a < b and <b>bold</b>, 5 <", "a < b and <b>bold</b>, 5 <"),
        ("Forty. <think>But then", "Forty. "),
        ("<think>Is it", EMPTY_ANSWER),
        ("<think></think>", EMPTY_ANSWER),
        (" \n [9]", EMPTY_ANSWER),
        ("", EMPTY_ANSWER),
    ],
)
def test_thoughts_are_not_shown_and_an_empty_answer_says_so(said: str, shown: str) -> None:
    assert streamed([said])[0] == shown
    assert streamed(list(said))[0] == shown


@pytest.mark.parametrize(
    ("written", "kept"),
    [("<think>a\nb</think>fee Oslo", "fee Oslo"), ("fee Oslo", "fee Oslo"), ("<think>a", "")],
)
def test_a_finished_text_loses_its_thoughts(written: str, kept: str) -> None:
    assert without_thoughts(written) == kept


def test_a_thought_is_held_back_while_it_streams() -> None:
    citations = Citations(KNOWN)
    assert [citations.feed(piece) for piece in ("<th", "ink>se", "cret</thi", "nk>", "Forty")] == [
        *("", "", "", ""),
        "Forty",
    ]


def test_text_is_held_back_only_from_the_bracket() -> None:
    citations = Citations(KNOWN)
    assert citations.feed("Forty euros [") == "Forty euros"
    assert citations.feed("1") == ""
    assert citations.feed("] a day") == " [1] a day"


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["[", "]", "[1]", " [9]", "[1, 2]", " ", "\n", "1", ",", "[x]"]),
            st.sampled_from(["`", "```", "<think>", "</think>", "field [3]", "【1】", "[^2]"]),
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
    whole = streamed([text], SOURCE)
    assert streamed(pieces, SOURCE) == whole == streamed(list(text), SOURCE)


@given(st.text(alphabet="ab19 [],\n", max_size=80))
def test_every_citation_left_in_the_text_has_a_source(text: str) -> None:
    shown, cited = streamed([text])
    again, cited_again = streamed([shown])
    assert set(cited) <= set(KNOWN)
    assert cited_again == cited
    assert again == shown
