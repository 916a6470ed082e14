"""Bytes become the letters that somebody wrote, or are refused; no word hides behind a sign."""

import random

import pytest

from services.ingestion.models.errors import Rejected
from services.ingestion.services.reading.decoding import decode, tidy

_TEXTS = {
    "cs": "Příliš žluťoučký kůň úpěl ďábelské ódy. Zaměstnanec smí čerpat dvacet dní dovolené.",
    "pl": "Pracownik ma prawo do dwudziestu sześciu dni urlopu; wniosek składa się wcześniej.",
    "hu": "A dolgozónak évente huszonöt nap szabadság jár, legkésőbb egy héttel előbb.",
    "ru": "Командировочные расходы на гостиницу не превышают пяти тысяч рублей за ночь.",
    "uk": "Працівник має право на двадцять чотири дні відпустки. Заяву подають за тиждень.",
    "el": "Ο εργαζόμενος δικαιούται είκοσι πέντε ημέρες άδειας το χρόνο.",
    "he": "העובד זכאי לעשרים ימי חופשה בשנה. את הבקשה מגישים למנהל.",
    "ar": "مدة الإجازة السنوية ثلاثون يوما. يجب إبلاغ المدير قبل أسبوع.",
    "tr": "Çalışanın yılda yirmi gün izin hakkı vardır; şubat ayında dilekçe verilir.",
    "de": "Größe: 37",
    "fr": "Frais d'hébergement : déjà payés à l'hôtel",
    "it": "La società è responsabile: più di così non può; perché c'è già l'università.",
    "da": "Medarbejderen må højst bruge tolv hundrede kroner. Køb af kød og brød.",
    "is": "Starfsmaður á rétt á tuttugu daga fríi. Söð og Þór.",
    "en": "The café’s “house” price is 12 € – and it’s £10.",
    "signs": "Temperature 20 °C ± 2 °C, § 12",
    "lt": "Darbuotojas turi teisę į dvidešimt dienų atostogų. Prašymas teikiamas.",
    "zh": "员工出差住宿费每晚不超过六百元，超出部分须由部门经理批准。",
    "zh-hant": "員工出差住宿費每晚不超過六百元，超出部分須由部門經理批准。",
    "ja": "宿泊費は一泊一万二千円までとする。カタカナも書く。",
    "ja-short": "会議室の予約",
    "ko": "직원의 숙박비는 하룻밤에 십이만 원을 넘지 않는다.",
    "th": "ค่าที่พักต่อคืนต้องไม่เกินสามพันบาท ส่วนที่เกินต้องได้รับอนุมัติ",
}
_ENCODINGS = {
    "cs": "cp1250 iso8859-2",
    "pl": "cp1250 iso8859-2",
    "hu": "cp1250 iso8859-2",
    "ru": "cp1251 koi8-r cp866 iso8859-5",
    "uk": "cp1251 koi8-u",
    "el": "cp1253 iso8859-7",
    "he": "cp1255 iso8859-8",
    "ar": "cp1256 iso8859-6",
    "tr": "cp1254 iso8859-9",
    "de": "cp1252",
    "fr": "cp1252",
    "it": "cp1252",
    "da": "cp1252",
    "is": "cp1252",
    "en": "cp1252",
    "signs": "cp1252",
    "lt": "cp1257",
    "zh": "gbk gb18030",
    "zh-hant": "big5",
    "ja": "shift_jis euc_jp iso2022_jp",
    "ja-short": "shift_jis euc_jp",
    "ko": "euc_kr",
    "th": "cp874",
}


@pytest.mark.parametrize(
    ("language", "encoding"),
    [(language, one) for language, all_of in _ENCODINGS.items() for one in all_of.split()],
)
def test_an_encoding_is_told_from_the_letters(language: str, encoding: str) -> None:
    text = _TEXTS[language]
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_read_with_a_mark_and_without(encoding: str) -> None:
    text = "Überfahrt — 5 €, then more of it.\n"
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("language", [one for one in _TEXTS if not one.endswith("-short")])
def test_unicode_of_any_script_is_read_without_a_mark(language: str, encoding: str) -> None:
    assert decode(_TEXTS[language].encode(encoding)) == _TEXTS[language]


@pytest.mark.parametrize("text", ["Prüfung am Montag", "naïve approach", "Malmö kommun", "piñata"])
def test_one_accent_in_a_short_text_is_western(text: str) -> None:
    assert decode(text.encode("cp1252")) == text


def test_utf_7_is_read_where_it_is_declared() -> None:
    assert decode("Größe: 5 m².".encode("utf-7"), "utf-7") == "Größe: 5 m²."


def test_letters_between_zeros_are_no_signs_of_chinese() -> None:
    with pytest.raises(Rejected, match="binary"):
        decode(b"\0".join(b"name_of_entry_%d" % n for n in range(100)))


@pytest.mark.parametrize(
    ("body", "declared", "text"),
    [
        ("住宿费".encode("gb18030"), "gb2312", "住宿费"),
        ("“Größe”".encode("cp1252"), "iso-8859-1", "“Größe”"),
        ("на ночь".encode("cp1251"), "windows-1251", "на ночь"),
        ("Größe".encode(), "iso-8859-1", "Größe"),
        ("Größe".encode(), "no-such-thing", "Größe"),
        ("Größe".encode("cp1252"), "utf-8", "Größe"),
    ],
)
def test_what_is_declared_counts_unless_it_cannot_be(body: bytes, declared: str, text: str) -> None:
    assert decode(body, declared) == text


def test_a_foreign_byte_stays_one() -> None:
    whole = "Prüfung der Brücke im März. " * 20
    assert decode(whole.encode() + b"H\xf6he") == whole + "Höhe"
    assert decode(b"\x81" + b"Pr\xfcfung " * 30, "windows-1252").count("Prüfung") == 30


@pytest.mark.parametrize("seed", range(20))
def test_binary_data_is_refused(seed: int) -> None:
    noise = random.Random(seed)
    with pytest.raises(Rejected) as raised:
        decode(bytes(noise.randrange(256) for _ in range(3000)))
    assert raised.value.code == "unreadable"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Donau\u00addampf\u200bschiff\ufeff", "Donaudampfschiff"),
        ("\u202eabc\u202c\u2066d\U000e0041", "abcd"),
        ("o\ufb03ce \ufb01ne", "office fine"),
        ("\ufe97\ufee0\ufefb", "تللا"),
        ("mi\u200crav می\u200cرود", "mirav می\u200cرود"),
        ("👩\u200d🚒", "👩\u200d🚒"),
        ("cafe\u0301", "café"),
        ("9\u00a0m, non\u2011breaking", "9 m, non-breaking"),
        ("a\r\nb\rc\u2028d\u2029e\x0cf", "a\nb\nc\nd\n\ne\n\nf"),
        ("\x1b[31mred\x1b[0m\x00", "red "),
        ("a\ud800b", "a b"),
        ("plain\ttext", "plain\ttext"),
    ],
)
def test_no_sign_hides_a_word(text: str, seen: str) -> None:
    assert tidy(text) == seen
