"""A client's file name becomes a document's name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.models.refusals import InvalidRequest
from services.gateway.services.documents.accepting import safe_name


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("handbook.pdf", "handbook.pdf"),
        ("../../etc/passwd.txt", "etc/passwd.txt"),
        ("/north//./readme.txt", "north/readme.txt"),
        ("..hidden.txt", "..hidden.txt"),
        ("C:\\files\\a b.docx", "files/a b.docx"),
        ("a\x00b\nc.md", "a b c.md"),
        ("re\u0301sume\u0301.pdf", "résumé.pdf"),
        ("\u202egpj.exe.txt", "gpj.exe.txt"),
        ("  spaced   out .md ", "spaced out .md"),
        ("日本語.txt", "日本語.txt"),
    ],
)
def test_the_name_is_made_safe(raw: str, name: str) -> None:
    assert safe_name(raw) == name


@pytest.mark.parametrize("raw", ["", "/", "..", ".", " ", "\x00", "a/"])
def test_a_name_of_nothing_is_refused(raw: str) -> None:
    with pytest.raises(InvalidRequest, match="needs a name"):
        safe_name(raw)


@given(st.text(min_size=1, max_size=600))
def test_a_name_is_short_and_stable(raw: str) -> None:
    try:
        name = safe_name(raw + ".pdf")
    except InvalidRequest:
        return
    assert len(name.encode()) <= 512
    assert not {"", ".", ".."} & set(name.split("/"))
    assert name.endswith("pdf")
    assert safe_name(name) == name
