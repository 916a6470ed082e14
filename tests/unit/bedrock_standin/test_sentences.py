"""What can be quoted of a text, and what leads it."""

import pytest

from compose.local.bedrock.sentence_ends import split_sentences
from compose.local.bedrock.sentences import Sentence, sentences


@pytest.mark.parametrize(
    "text",
    [
        "One is here. | Two is there.",
        'He said "Stop." | Then he left.',
        "Really?! | Yes! | Yahoo! is a firm.",
        "Wait... | Then go.",
        "Dr. Smith met J. Doe. | They spoke.",
        "The fine is approx. 35 euros. | Details are in Sec. 4 of the rules.",
        "See No. 5 and Fig. 3, e.g. Paris. | The answer is no. | The end.",
        "It costs 35. | Then pay.",
        "Version 2.0. | The next one is 2.1.",
        "It opens at 9.30 a.m. on weekdays. | It closes at 5 p.m. | The office rests.",
        "It weighs 5 kg. | The file is a PDF. | Bring pens, paper etc. | Then wait.",
        "U.S. Army depots use it. | Others do not.",
        "The fee is 40 euros.[2] | It rose. [3] | It fell.",
        "Am 3. Mai 2024 ist zu. | Der 2. Stock ist z. B. für Gäste. | Das gilt bzw. Ähnliches.",
        "Der Bhf. Altona ist nah. | Gem. Abs. 3 gilt das. | Es endet am 31. Dezember 2024. | Gut.",
        "M. Dupont paie env. 30 euros. | Voir p. 12. | Fin.",
        "El Sr. García vive en la Avda. Mayor núm. 5. | Pague antes. | ¿Cuándo? | Hoy.",
        "Встреча в г. Москва на ул. Ленина. | См. рис. 5. | Конец.",
        "每晚不超过六百元。 | 交通费按发票报销。 | 可以吗？ | 可以！",
        "「はい。」 | と言った。",
        "यह है। | वह था।",
    ],
)
def test_where_sentences_end(text: str) -> None:
    wanted = text.split(" | ")
    assert split_sentences(text.replace(" | ", " ")) == wanted


def test_ideographic_stops_need_no_blank() -> None:
    assert split_sentences("六百元。报销？好") == ["六百元。", "报销？", "好"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A line that\nis wrapped. Next one.", ["A line that is wrapped.", "Next one."]),
        ("出差每晚\n六百元。", ["出差每晚六百元。"]),
        ("ลาได้สิบวัน ต้องแจ้ง", ["ลาได้สิบวัน ต้องแจ้ง"]),
        ("# Refunds\n\nWithin 30 days.", [Sentence("Within 30 days.", "Refunds")]),
        ("Refunds\n===\n\nWithin 30 days.", [Sentence("Within 30 days.", "Refunds")]),
        ("# Hotels\n## Denmark\n170", [Sentence("170", "Hotels Denmark")]),
        ("# Hotels\n## Denmark\n170\n## Norway\n190", ["Hotels Denmark", "Hotels Norway"]),
        ("How long? Two days.", [Sentence("Two days.", "How long?")]),
        ("多久？两天。", [Sentence("两天。", "多久？")]),
        ("It **works** [3, 4] on args[2] of __X__.", ["It **works** [3, 4] on args[2] of __X__."]),
        ("#42 is closed. > 5 is more.", ["#42 is closed.", "> 5 is more."]),
        ("> quoted by\n> mail.", ["quoted by mail."]),
        ("1. Januar ist frei.", ["1. Januar ist frei."]),
        ("alone", []),
        ("---", []),
        ("The address is:\n\nHill Street 5.", ["The address is: Hill Street 5."]),
    ],
)
def test_sentences(text: str, found: list[Sentence | str]) -> None:
    seen = sentences(text)
    if found == ["Hotels Denmark", "Hotels Norway"]:
        assert [sentence.lead for sentence in seen] == found
    else:
        assert seen == [Sentence(f) if isinstance(f, str) else f for f in found]


@pytest.mark.parametrize(
    ("text", "whole", "items"),
    [
        ("Bring:\n\n- passport\n- visa", "Bring:\n- passport\n- visa", ["passport", "visa"]),
        ("Bring:\n\npassport\n\nvisa\n\nGo on.", "Bring:\npassport\nvisa", ["passport", "visa"]),
        (
            "- first\n  goes on\n\n- second",
            "- first goes on\n- second",
            ["first goes on", "second"],
        ),
        ("1. Open.\n2) Press.", "1. Open.\n2) Press.", ["1. Open.", "2) Press."]),
        ("带上：\n* 护照\n* 签证", "带上：\n* 护照\n* 签证", ["护照", "签证"]),
        ("Name: Ops\nPort: 8443", "Name: Ops\nPort: 8443", ["Name: Ops", "Port: 8443"]),
        ("Run:\n```\nls | wc\n```\nDone.", "Run:\n```\nls | wc\n```", []),
    ],
)
def test_a_list_is_found_whole_with_its_opening_line_and_by_its_items(
    text: str, whole: str, items: list[str]
) -> None:
    seen = sentences(f"# Head\n\n{text}")
    assert seen[0] == Sentence(whole, "Head")
    assert [sentence.quote for sentence in seen if sentence.part == "item"] == items


def test_code_that_is_not_closed_is_quoted_by_its_lines() -> None:
    assert [s.quote for s in sentences("```\nmake run\nmake stop")] == ["make run", "make stop"]


def test_a_very_long_list_is_quoted_by_its_items() -> None:
    seen = sentences("\n".join(f"- item {n} of many" for n in range(100)))
    assert {sentence.part for sentence in seen} == {"item"}
    assert len(seen) == 100
