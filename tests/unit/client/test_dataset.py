"""Data sets on disk, and a corpus as files."""

from pathlib import Path

import pytest

from shared.client.evaluate.dataset import Entry, read_dataset
from shared.client.evaluate.errors import EvaluationError
from shared.client.evaluate.files import files_of
from tests.unit.client.making import write_beir, write_flat


def bodies(*entries: Entry) -> dict[str, str]:
    return {file.name: file.body.decode() for file in files_of(entries)}


def test_both_layouts_read_the_same(tmp_path: Path) -> None:
    flat, beir = tmp_path / "a" / "ferns", tmp_path / "b" / "ferns"
    for folder in (flat, beir):
        folder.mkdir(parents=True)
    dataset = read_dataset(write_flat(flat))
    assert dataset == read_dataset(write_beir(beir))
    assert dataset.name == "ferns"
    assert dataset.corpus[0] == Entry("d/1", "Ferns", "Ferns have spores")
    assert list(dataset.queries) == ["q1", "q2", "q3"]
    assert dataset.qrels["q1"] == {"d/1": 2, "3": 1}


def test_a_limit_takes_the_first_queries_and_the_whole_corpus(tmp_path: Path) -> None:
    dataset = read_dataset(write_flat(tmp_path)).limited(2)
    assert list(dataset.queries) == list(dataset.qrels) == ["q1", "q2"]
    assert len(dataset.corpus) == 4


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("corpus.jsonl", '{"id": "1", "text": "a"}\nnot json\n', "corpus.jsonl, line 2"),
        ("corpus.jsonl", '{"title": "a", "text": "a"}\n', "KeyError"),
        ("corpus.jsonl", '{"id": 1, "text": "a"}\n{"id": "1", "text": "b"}\n', "comes twice"),
        ("queries.jsonl", '{"id": "q1", "text": "a"}\n', "q2, q3"),
        ("qrels.tsv", "head\nq1 d1 1\n", "qrels.tsv, line 2"),
        ("qrels.tsv", "head\nq1\td1\t0\n", "judges no document relevant"),
    ],
)
def test_a_broken_set_is_refused_with_its_place(
    tmp_path: Path, file: str, text: str, told: str
) -> None:
    (write_flat(tmp_path) / file).write_text(text)
    with pytest.raises(EvaluationError, match=told):
        read_dataset(tmp_path)


def test_a_folder_that_is_no_set_is_told_the_layout(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"no qrels\.tsv(.|\n)*corpus\.jsonl"):
        read_dataset(tmp_path)


def test_names_are_safe_and_unique_where_case_does_not_count() -> None:
    ids = ["a/b", "a b", "A_B", "../x", "…", "y" * 300]
    stems = [file.name.removesuffix(".txt") for file in files_of(Entry(i, "", "x") for i in ids)]
    assert stems == ["a_b", "a_b-2", "A_B-3", "x", "document", "y" * 120]


def test_the_digest_tells_contents_apart() -> None:
    one, same, other = files_of([Entry("1", "T", "a"), Entry("2", "T", "a"), Entry("3", "T", "b")])
    assert one.digest == same.digest != other.digest


def test_a_title_becomes_one_heading_whatever_it_holds() -> None:
    title = "Line\n# two\r\n*star* [a](b) <i>x</i> `c` d_e \\ C#"
    heading = r"# Line # two \*star\* \[a\](b) \<i\>x\</i\> \`c\` d\_e \\ C\#"
    assert bodies(Entry("1", title, "Text")) == {"1.md": f"{heading}\n\nText\n"}


def test_without_a_title_the_text_stays_plain_and_without_text_there_is_no_file() -> None:
    assert bodies(Entry("1", " ", "# not a heading"), Entry("2", "", " \n")) == {
        "1.txt": "# not a heading\n"
    }
    assert bodies(Entry("1", "Only a title", "")) == {"1.md": "# Only a title\n\n\n"}


def test_what_no_file_may_hold_is_replaced() -> None:
    assert bodies(Entry("1", "", "a\0b\ud83d")) == {"1.txt": "a b?\n"}
