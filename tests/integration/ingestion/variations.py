"""More files of the golden corpus: what other people's programs write, a difficulty each."""

from email.message import EmailMessage

from tests.integration.ingestion.files import (
    OFFICE,
    WORD,
    docx,
    drawn,
    open_document,
    pdf_of,
    pptx,
    xlsx,
)
from tests.integration.ingestion.outlook import msg

_JAPANESE = "宿泊費は一泊一万二千円を上限とする。交通費は実費で精算する。"
_CHINESE = "住宿費每晚不超過六百元，超出部分須由部門經理批准。"
_RUSSIAN = "Командировочные расходы на гостиницу не превышают пяти тысяч рублей."
_KOREAN = "출장 숙박비는 1박에 12만원을 넘지 않는다."

ENCODED = {
    "eucjp.txt": _JAPANESE.encode("euc_jp"),
    "iso2022.txt": _JAPANESE.encode("iso2022_jp"),
    "utf16be.txt": _JAPANESE.encode("utf-16-be"),
    "big5.txt": _CHINESE.encode("big5"),
    "koi8.txt": _RUSSIAN.encode("koi8_r"),
    "euckr.txt": _KOREAN.encode("euc_kr"),
    "thai.txt": "ค่าที่พักไม่เกินคืนละสองพันบาท".encode("cp874"),
    "koi8.csv": "Город;Тариф\nМосква;5000\n".encode("koi8_r"),
}

_LETTERS = (
    rb"{\rtf1\ansi {\fonttbl{\f0\fswiss{\*\panose 020b}Arial;}{\f3\fcharset2{\*\panose 05}Symbol;}"
    rb"{\f9\fcharset2 Wingdings;}}\f0 Draft {\f3 \'a3} 5 m, {\field{\*\fldinst {\f3 SYMBOL 163 "
    rb'\\f "Symbol" \\s 12}}{\fldrslt {\f3\fs24}}} 6 m, {\f3\u-3917 ?} 7 m; angle {\f3 a}. '
    rb"{\field{\*\fldinst HYPERLINK }{\fldrslt Link}} {\f9\'fc} \u-10179?\u-8704? {\pict\bin3 }}}}"
    rb"\par}"
)

_WORD_RTF = (
    rb"{\rtf1\adeflang1025\ansi\ansicpg1252\uc1\deff0{\fonttbl{\f0\froman\fcharset0\fprq2{\*"
    rb"\panose 02020603050405020304}Times New Roman;}{\f1\fnil\fcharset128 MS Mincho{\*\falt "
    rb"\'82\'6c\'82\'72};}{\f2\fnil\fcharset204 Arial CYR;}}"
    rb"{\colortbl;\red0\green0\blue0;\red255\green255\blue255;}"
    rb"{\stylesheet{\ql \li0\ri0\widctlpar \rtlch\fcs1 \af0\afs24 \ltrch\fcs0 \fs24 \snext0 "
    rb"Normal;}{\s1\ql \keepn\outlinelevel0 \sbasedon0 \snext0 heading 1;}{\*\cs10 \additive "
    rb"Default Paragraph Font;}{\s17\ql \sbasedon0 toc 1;}}"
    rb"{\info{\title Travel r\'e9gime}{\author Ann Secret}{\*\company X}{\creatim\yr2024}}"
    rb"{\header \pard Form F-88\par Page {\field{\*\fldinst PAGE}{\fldrslt 3}}\par}"
    rb"\pard\plain \s17 Contents \tab 3\par \pard\plain \s1 {\rtlch\fcs1 \af0 Rules of "
    rb"{\insrsid1 tra}{\insrsid2 vel}}{\par}"
    rb"\pard\plain Hotel up to \f1\'8f\'68\'94\'91\'94\'ef\f0  end, "
    rb"{\f2\'cf\'f0\'e8\'e2\'e5\'f2} \ldblquote q\rdblquote \emdash x{\super "
    rb"\chftn}{\footnote \pard\plain {\super \chftn} Not on Sundays.} more.\par"
    rb"{\listtext\pard\plain\f0 1.\tab}First\par{\listtext\pard\plain\f0 (a)\tab}Second\par"
    rb"{\cf2 white}{\fs2 tiny}{\v hid}{\upr{plain}{\*\ud{pl\u228 a}}}\par"
    rb"\trowd\trhdr\cellx1000\cellx3000\pard\intbl Region\cell Euro\cell\row"
    rb"\trowd\clvmgf\cellx1000\cellx2000\cellx3000\pard\intbl North\cell 1\cell 2\par "
    rb"two\cell\row"
    rb"\trowd\clvmrg\cellx1000\cellx2000\cellx3000\pard\intbl \cell 3\cell "
    rb"{\pard\intbl\itap2 i1\nestcell i2\nestcell{\*\nesttableprops\trowd\cellx1\cellx2"
    rb"\nestrow}{\nonesttables\par}\pard\intbl\itap1 after}\cell\row"
    rb"\pard Done {\*\bkmkstart x}here{\*\bkmkend x}{\shp{\*\shpinst{\sp{\sn fFlipH}{\sv "
    rb"0}}{\shptxt \pard boxed\par}}{\shprslt{\*\do}}}{\*\unknown lost}{\pict\pngblip "
    rb"89504e}.\line Next{\annotation no}\par\page End\par}trailing"
)

_TEXTS = {
    "quotes.csv": b'name,note,amount\n"Smith, Ann","line one\nline two","1,234.50"\n'
    b'"O""Brien",x,2\n',
    "running.xml": b'<note><p>At <value unit="bar">12</value> <hi rend="b">stop</hi>.</p></note>',
    "escaped.csv": b'id,said,city\n1,"He said \\"go\\", and left",Oslo\n2,Nothing,Rome\n',
    "title.csv": b"Report 2024,,\n,,\nCity,Fare,Days\nOslo,10,3\nRome,20,4\n",
    "terms.html": b"<dl><dt>Per diem<dd>48 EUR<dt>Hotel<dt>Hostel<dd>120 EUR</dl>",
    "spans.html": b"<table><caption>Rates</caption><tr><th>Region</th><th>City</th></tr>"
    b"<tr><td rowspan=2>North</td><td>Oslo</td></tr><tr><td>Bergen</td></tr>"
    b"<tr><td colspan=2>Total</td></tr></table>",
    "unseen.html": b"<style>.h, #g {display: none} @media print {.p {display: none}}</style>"
    b"<body bgcolor=white><p style='color: #ffffff'>white</p><p style='font-size:0'>zero</p>"
    b"<font color=white>font</font>"
    b"<p class=h>class</p><p id=g>id</p><p style='position:absolute;left:-9999px'>outside</p>"
    b"<p class=p>Seen.</p><p style='background:navy'><b style='color:#fff'>Seen too.</b></p>",
    "form.html": b"<ul><li><input type=checkbox checked> Seen</li><li><input type=checkbox> Paid"
    b"</li></ul><p>To <select><option>Oslo<option selected>Rome</select> by <select><option>ship"
    b"<option>train</select> for <input value='Ann Lee'><input type=hidden value=secret></p>"
    b"<datalist><option>secret</datalist>",
    "embedded.md": b"A ![quay](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAUA) here.\n\n"
    b"[image1]: <data:image/png;base64,iVBORw0KGgo=>\n",
    "math.html": b"<p>Draft <math><mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn>"
    b"</mfrac><mo>=</mo><msup><mi>x</mi><mn>2</mn></msup><msqrt><mi>y</mi></msqrt><msubsup><mi>z</mi><mi>i"
    b"</mi><mn>3</mn></msubsup></math> and <math><semantics><mi>q</mi><annotation>tex</annotation>"
    b"</semantics></math>, <ruby>A<rt>b</rt></ruby>C</p>",
    "feed.xml": b"<rss><item><title>One</title><description>&lt;p&gt;Hello &lt;b&gt;x&lt;/b&gt;"
    b"&lt;/p&gt;</description></item></rss>",
    "mixed.jsonl": b'{"a":1,"b":"x"}\nnot json {\n{"a":2,"b":"y"}\n',
    "fares.rst": b"Fares\n=====\n\n.. list-table:: By city\n   :header-rows: 1\n\n   * - City\n"
    b"     - EUR\n   * - Oslo\n     - 120\n\n.. note:: Watch the tide.\n",
    "drawn.rst": (
        "+-------+------+\n| Quay  | Draft|\n+=======+======+\n| North | 8 m  |\n| pier  |      |\n"
        "+-------+------+\n\n=====  ====\n港     Fare\n=====  ====\n東京   120\n       \u20ac\n"
        "Bergen 90\n=====  ====\n\n.. csv-table:: By city\n   :header: City, EUR\n\n"
        '   "Oslo, inner", 120\n\n.. _place:\n\n+----+----+\n| spans   |\n+----+----+\n'
        "| 1  | 2  |\n+----+----+\n"
    ).encode(),
    "entities.xml": b'<?xml version="1.0"?><!DOCTYPE fares [<!ENTITY firm "Wik &amp; Sons">\n'
    b'<!ENTITY all "&firm; <b>Ltd</b>"><!ENTITY none ""><!ENTITY out SYSTEM "file:///etc/hostname">]>'
    b"<fares><by>&all;&none;</by><at>H&ouml;fn&nbsp;9 &unknown; &out;</at>"
    b"<code><![CDATA[&ouml; ]>]]></code></fares>",
    "changed.rtf": rb"{\rtf1\ansi The fare is {\deleted\revauthdel1 8 \{old\} {\b euro}}"
    rb"{\revised 9 euro}.\par {\*\deleted x}{\deletedx kept}\par}",
    "symbols.rtf": _LETTERS,
    "word.rtf": _WORD_RTF,
    "russian.rtf": b"{\\rtf1\\ansi\\ansicpg1251 "
    b"\xcf\xf0\xe8\\'e2\\'e5\\'f2 {\\b B}old w{\\i o}rd\\\nnew}",
    "wrapped.rtf": b"\xef\xbb\xbf{\\rtf1\\ansi{\\fonttbl{\\f1\\fcharset128 Mincho;}}\\f1"
    b"\\'8f\r\n\\'68\\'94\r\n\\'91\\trowd\\cellx1000\\cellx2000\\pard\\intbl"
    b"{\\pntext - }One\\cell Two\\cell\\row\\pard End\\par}",
    "rows.rtf": rb"{\rtf1\ansi Above \trowd\cellx1000\cellx2000 \intbl A\cell B\cell\row "
    rb"\intbl C\cell D\cell\row \pard Below\par}",
    "foot.html": b"<body><h1>Fares</h1><p>Skye: 9.</p><div class='card-footer'>Kept.</div>"
    b"<div class='page site-footer'>Imprint 2024</div><div id=footer>Call us</div></body>",
    "rows.json": b'{"named": {"columns": [{"name": "Quay"}, {"name": "Draft"}], "data": '
    b'[["North", 8.10], ["South", null]]}, "values": [["City", "EUR"], ["Oslo", 120]], '
    b'"spots": [[1, 2], [3, 4]], "ragged": [[1], [2, 3]]}',
}


def _paragraph(text: str, properties: str = "", run: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:rPr>{run}</w:rPr><w:t>{text}</w:t></w:r></w:p>"


def _item(text: str, level: int = 0) -> str:
    return _paragraph(text, f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr>')


def _field(kind: str, chosen: str) -> str:
    return (
        f'<w:p><w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:{kind}>{chosen}</w:{kind}>'
        "</w:ffData></w:fldChar></w:r><w:r><w:instrText>FORM</w:instrText></w:r><w:r><w:fldChar "
        'w:fldCharType="end"/></w:r><w:r><w:t xml:space="preserve"> by field</w:t></w:r></w:p>'
    )


def _row(*cells: str) -> str:
    return f"<w:tr>{''.join(f'<w:tc>{cell}</w:tc>' for cell in cells)}</w:tr>"


_NUMBERING = (
    f'<w:numbering xmlns:w="{WORD}"><w:abstractNum w:abstractNumId="0">'
    '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/>'
    '</w:lvl><w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/>'
    '<w:lvlText w:val="%1.%2)"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>'
)
_WHITE = '<w:color w:val="FFFFFF"/>'
_ROWS = (_row(_paragraph(f"i{n}"), _paragraph(f"i{n + 1}")) for n in (1, 3))
_INNER = f"<w:tbl>{''.join(_ROWS)}</w:tbl>"


def _cell(place: str, value: str, formula: str = "") -> str:
    if value and not value.isdecimal():
        return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{place}">{formula}<v>{value}</v></c>'


def _sheet_row(number: int, *cells: str, more: str = "") -> str:
    return f'<row r="{number}"{more}>{"".join(cells)}</row>'


_MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
_CHARTS = "http://schemas.openxmlformats.org/drawingml/2006/chart"


def _math(tag: str, *inside: str) -> str:
    return f"<m:{tag}>{''.join(inside)}</m:{tag}>"


def _letters(text: str) -> str:
    return _math("r", _math("t", text))


_FORMULA = _math(
    "oMath",
    _math("f", _math("num", _letters("a+b")), _math("den", _letters("2"))),
    _letters("="),
    f'<w:del xmlns:w="{WORD}">{_letters("old")}</w:del>',
    _math("sSup", _math("e", _letters("x")), _math("sup", _letters("2"))),
    _math("rad", _math("radPr"), _math("deg"), _math("e", _letters("y"))),
    _math("d", '<m:dPr><m:begChr m:val="["/></m:dPr>', _math("e", _letters("p"))),
    _math("nary", '<m:naryPr><m:chr m:val="∑"/></m:naryPr>', _math("e", _letters("z"))),
)


def _points(*values: tuple[int, str]) -> str:
    return "".join(f'<c:pt idx="{n}"><c:v>{value}</c:v></c:pt>' for n, value in values)


# June has no value.
_CHART = (
    f'<c:chartSpace xmlns:c="{_CHARTS}"><c:ser><c:tx>{_points((0, "Docked"))}</c:tx>'
    f"<c:cat>{_points((0, 'May'), (1, 'June'), (2, 'July'))}</c:cat>"
    f"<c:val>{_points((0, '4'), (2, '9'))}</c:val></c:ser></c:chartSpace>"
)
_DRAWN = (
    f'<w:p><w:r><w:drawing><c:chart xmlns:c="{_CHARTS}" xmlns:r="{OFFICE}" r:id="rId0"/>'
    "</w:drawing></w:r></w:p>"
)

_RUNS = (
    '9 m</a:t></a:r><a:r><a:rPr baseline="30000"/><a:t>2</a:t></a:r><a:r><a:rPr baseline="-25000"/>'
    '<a:t>0</a:t></a:r><a:r><a:rPr><a:sym typeface="Wingdings"/></a:rPr><a:t>\uf0e0 \uf0fc'
)

_OFFICE = {
    "raised.xlsx": xlsx(
        {
            "S": '<sheetData><row r="1"><c r="A1" t="inlineStr"><is><r><t>Area in m</t></r><r><rPr>'
            '<vertAlign val="superscript"/></rPr><t>2</t></r></is></c></row></sheetData>'
        }
    ),
    "boxes.xlsx": xlsx(shapes=["Prices are net.", "Valid from May."]),
    "boxes.ods": open_document(
        "spreadsheet",
        '<table:table table:name="S"><table:shapes><drawing:frame><drawing:text-box><text:p>Net.'
        "</text:p></drawing:text-box></drawing:frame></table:shapes><table:table-row>"
        "<table:table-cell><text:p>Oslo</text:p></table:table-cell></table:table-row></table:table>",
    ),
    "raised.odt": open_document(
        "text",
        '<style:style style:name="T1"><style:text-properties style:text-position="super 58%"/>'
        '</style:style><text:p>At 10<text:span text:style-name="T1">6</text:span> m</text:p>',
    ),
    "hidden.odt": open_document(
        "text",
        '<text:p>Seen.</text:p><text:section text:display="none"><text:p>Draft.</text:p>'
        "</text:section><text:section><text:p>Seen too.</text:p></text:section>",
    ),
    "values.ods": open_document(
        "spreadsheet",
        '<table:table table:name="S"><table:table-row><table:table-cell><text:p>H<text:span>2'
        "</text:span>O<text:s/>in</text:p></table:table-cell><table:table-cell><text:p>On</text:p>"
        '</table:table-cell></table:table-row><table:table-row><table:table-cell office:value="4.5"'
        ' office:value-type="float"/><table:table-cell office:date-value="2024-05-01"/>'
        "</table:table-row></table:table>",
    ),
    "drawn.docx": docx(
        f'<w:p xmlns:m="{_MATH}">{_FORMULA}<w:r><w:t xml:space="preserve"> on 9 m</w:t></w:r>'
        '<w:r><w:rPr><w:vertAlign w:val="superscript"/></w:rPr><w:t>2</w:t></w:r></w:p>' + _DRAWN,
        {"chart": _CHART},
    ),
    "symbols.docx": docx(
        '<w:p><w:r><w:t>Draft </w:t><w:sym w:font="Symbol" w:char="F0A3"/><w:t> 5 m </w:t></w:r>'
        '<w:r><w:sym w:font="Segoe UI Symbol" w:char="2713"/><w:rPr><w:rFonts w:ascii="Wingdings"/>'
        "</w:rPr><w:t>\uf0fc</w:t></w:r><w:r><w:t>\uf0b3 3</w:t></w:r></w:p>"
    ),
    "symbols.pptx": pptx([[("body", _RUNS)]]),
    "form.docx": docx(
        _field("checkBox", '<w:default w:val="0"/><w:checked/>')
        + _field("checkBox", '<w:default w:val="0"/>')
        + _field(
            "ddList", '<w:result w:val="1"/><w:listEntry w:val="Ship"/><w:listEntry w:val="Train"/>'
        )
    ),
    "ruby.docx": docx(
        "<w:p><w:r><w:ruby><w:rt><w:r><w:t>かん</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>漢</w:t></w:r>"
        "</w:rubyBase></w:ruby></w:r><w:r><w:t>字</w:t></w:r></w:p>"
    ),
    "ruby.odt": open_document(
        "text",
        "<text:p><text:ruby><text:ruby-base>漢</text:ruby-base><text:ruby-text>かん</text:ruby-text>"
        "</text:ruby>字</text:p>",
    ),
    "lists.docx": docx(
        _item("First") + _item("Sub", 1) + _item("Sub two", 1) + _item("Second"),
        {"numbering": _NUMBERING},
    ),
    "nested.docx": docx(
        "<w:tbl>"
        + _row(_paragraph("Head A"), _paragraph("Head B"))
        + _row(_paragraph("cell") + _INNER, _paragraph("right"))
        + "</w:tbl>"
    ),
    "white.docx": docx(
        _paragraph("secret", run=_WHITE)
        + _paragraph("On blue.", '<w:shd w:fill="0000FF"/>', _WHITE)
    ),
    "hidden.xlsx": xlsx(
        {
            "S": '<cols><col min="3" max="3" hidden="1"/></cols><sheetData>'
            + _sheet_row(1, _cell("A1", "City"), _cell("B1", "EUR"), _cell("C1", "secret"))
            + _sheet_row(2, _cell("A2", "Oslo"), _cell("B2", "120"), _cell("C2", "no"))
            + _sheet_row(3, _cell("A3", "secret"), _cell("B3", "1"), more=' hidden="1"')
            + "</sheetData>",
            "Filtered": "<sheetData>"
            + _sheet_row(1, _cell("A1", "City"), _cell("B1", "EUR"))
            + _sheet_row(2, _cell("A2", "Rome"), _cell("B2", "90"), more=' hidden="1"')
            + '</sheetData><autoFilter ref="A1:B2"/>',
        }
    ),
    "shared.xlsx": xlsx(
        {
            "S": "<sheetData>"
            + _sheet_row(1, _cell("A1", "n"), _cell("B1", "double"))
            + _sheet_row(
                2, _cell("A2", "2"), _cell("B2", "", '<f t="shared" si="0">A2*$A$2+AB1</f>')
            )
            + _sheet_row(3, _cell("A3", "3"), _cell("B3", "", '<f t="shared" si="0"/>'))
            + "</sheetData>"
        }
    ),
    "repeated.ods": open_document(
        "spreadsheet",
        '<table:table table:name="S"><table:table-row><table:table-cell><text:p>a</text:p>'
        "</table:table-cell><table:table-cell><text:p>b</text:p></table:table-cell>"
        '</table:table-row><table:table-row table:number-rows-repeated="2">'
        '<table:table-cell table:number-columns-repeated="2"><text:p>x</text:p>'
        '</table:table-cell></table:table-row><table:table-row table:visibility="collapse">'
        "<table:table-cell><text:p>secret</text:p></table:table-cell></table:table-row>"
        "</table:table>",
    ),
}

_COLOURED = (
    "BT /F1 12 Tf 60 700 Td (Seen.) Tj ET 1 1 1 rg BT /F1 12 Tf 60 660 Td (secret) Tj ET"
    " 0 0 1 rg 50 590 300 40 re f 1 1 1 rg BT /F1 12 Tf 60 600 Td (On blue.) Tj ET"
)

_LOOK = "/Type/Annot/F 4/DA(/F1 12 Tf 0 g)"
_FORM = (
    f"<<{_LOOK}/Subtype/Widget/FT/Tx/T(name)/V(Ann Lee)/Rect[120 695 300 715]>>",
    f"<<{_LOOK}/Subtype/Widget/FT/Tx/T(limit)/V(500 EUR)/Rect[120 655 300 675]>>",
    f"<<{_LOOK}/Subtype/Widget/FT/Tx/T(unseen)/V(secret)/Rect[120 555 300 575]/F 2>>",
    f"<<{_LOOK}/Subtype/FreeText/Contents(Typed by hand.)/Rect[120 600 300 620]>>",
    f"<<{_LOOK}/Subtype/Text/Contents(A remark)/Rect[400 600 420 620]>>",
)

_PDF = {
    "form.pdf": pdf_of([drawn((60, 700, 12, "Name:"), (60, 660, 12, "Limit:"))], annotations=_FORM),
    "white.pdf": pdf_of([_COLOURED]),
    **{
        f"turned{turned}.pdf": pdf_of(
            [drawn((60, 740, 16, "Rules"), (60, 700, 11, "No horns."))], turned=turned
        )
        for turned in (180, 270)
    },
}


def _mail(subject: str, text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "ann@port.example", subject
    mail.set_content(text)
    return mail


def _forward() -> bytes:
    mail = _mail("Fwd", "See below.")
    mail.add_attachment(_mail("Rules", "No horns."))
    return mail.as_bytes()


def _invitation() -> bytes:
    mail = _mail("Invitation", "We meet at noon.")
    mail.add_alternative(f"BEGIN:VCALENDAR\n{'X-LONG:x ' * 50}\nEND:VCALENDAR", subtype="calendar")
    return mail.as_bytes()


# The example of MS-OXRTFCP 3.1.1.
_PACKED = (
    "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a80"
    "0fa0"
)

_MAILS = {
    "japanese.eml": b"Subject: =?ISO-2022-JP?B?GyRCPSRNfTdoRGobKEI=?=\nFrom: y@port.example\n"
    b"Content-Type: text/plain; charset=ISO-2022-JP\n\n" + _JAPANESE.encode("iso2022_jp"),
    "latin-header.eml": "From: Jörg <j@port.example>\nSubject: Gebühren für Brücken\n\n"
    "Die Gebühr beträgt 5 Euro.\n".encode("latin-1"),
    "forward.eml": _forward(),
    "invitation.eml": _invitation(),
    "packed.msg": msg({"0037": "Fares"}, packed=bytes.fromhex(_PACKED)),
}

VARIATIONS = {**ENCODED, **_TEXTS, **_OFFICE, **_PDF, **_MAILS}
