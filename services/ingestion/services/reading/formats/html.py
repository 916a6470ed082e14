"""HTML as Markdown: what a person sees of the page itself; and books of such pages."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from lxml import etree
from lxml import html as lxml_html

from services.ingestion.models.errors import Rejected
from services.ingestion.models.parsed import Parsed
from services.ingestion.services.reading.decoding import decode
from services.ingestion.services.reading.formats.formulas import mathml
from services.ingestion.services.reading.formats.office.packages import (
    open_archive,
    parsed_xml,
    real_title,
)
from services.ingestion.services.reading.markup import (
    Cell,
    fenced,
    heading,
    joined,
    one_header,
    raised,
    spread,
    table,
    tidied,
)

_DECLARED = re.compile(
    rb"""<\?xml[^>]*encoding=["']([\w.:-]+)|<meta[^>]*charset=["']?([\w.:-]+)""", re.I
)
_PROLOG = re.compile(r"^\s*<\?xml[^>]*\?>", re.I)
_HEAD_BYTES = 4096
_NO_TEXT_NAMED = (
    "head script style template noscript svg canvas iframe object audio video map datalist "
    "button rt rp del colgroup"
)
_NO_TEXT = frozenset(_NO_TEXT_NAMED.split())
# What stands around the text of a page, and says the same on each page of a site.
_AROUND = frozenset(["nav", "aside", "footer"])
_AROUND_ROLES_NAMED = (
    "navigation banner contentinfo complementary search dialog alertdialog menu menubar"
)
_AROUND_ROLES = frozenset(_AROUND_ROLES_NAMED.split())
_CONSENT = re.compile(
    r"(?i)(cookie|gdpr|consent)[\w-]*(banner|notice|bar|pop-?up|modal|overlay|message|dialog|law|box"
    r"|container|consent|info|hint|disclaimer)|onetrust|cookiebot|(cookies?|consent)$"
)
_FOOTER = re.compile(r"(?i)(?:(?:site|page|global|main)[-_])?footer$|colophon$")
# Lists of links by these names; a restaurant's menu holds no links and stays.
_LINKS = re.compile(
    r"(?i)^(?:(?:site|page|main|top|bottom|left|right|global|primary)[-_])?"
    r"(nav|navbar|navigation|menu|sidebar|breadcrumbs?|footer|header|pagination|social|share|skip-link)"
    r"(?:[-_](?:bar|links?|list|menu|buttons?))?$"
)
_HIDDEN = re.compile(
    r"(?i)(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?:\.0+)?\s*(?:;|!|$)"
    r"|font-size\s*:\s*0(?:\.0+)?(?:px|pt|em|rem|%)?\s*(?:;|!|$)"
    r"|(?:left|top|text-indent)\s*:\s*-\d{4,}px)"
)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_OTHER_MEDIA = re.compile(r"@media[^{]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")
_WHITE = re.compile(
    r"#fff(?:fff)?|white|rgba?\(\s*255\s*,\s*255\s*,\s*255\s*(?:,[^)]*)?\)|transparent"
)
_COLOURS = re.compile(r"(?i)(?:^|;)\s*(background(?:-color)?|color)\s*:\s*([^;!]+)")
_BLOCKS_NAMED = (
    "address article aside blockquote body center dd details dialog div dl dt fieldset "
    "figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main "
    "menu nav ol option p pre section summary table textarea ul caption tbody thead "
    "tfoot tr td th"
)
_BLOCKS = frozenset(_BLOCKS_NAMED.split())
# What `rowspan="0"` means: to the end of the table.
ROWS_LEFT = 1_000_000


def read_html(body: bytes) -> Parsed:
    root = _tree(decode(body, declared_encoding(body)))
    title = root.findtext(".//title") or ""
    language = root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or ""
    text = page_text(root)
    return Parsed(text, True, title=real_title(tidied(title)), language=language or None)


def markdown_of(markup: str) -> str:
    """Of a mail's body, which stands in no page: nothing around the text is left out."""
    return tidied(joined(_Blocks(around=False).of(_tree(markup))))


def page_text(root: etree._Element) -> str:
    """Without navigation and the like, unless nothing else is there."""
    text = tidied(joined(_Blocks(around=True).of(root)))
    return text or tidied(joined(_Blocks(around=False).of(root)))


def declared_encoding(body: bytes) -> str | None:
    """What a page or an XML file says about itself in its first lines."""
    found = _DECLARED.search(body[:_HEAD_BYTES])
    return (found[1] or found[2]).decode("ascii") if found else None


def _tree(markup: str) -> etree._Element:
    parser = lxml_html.HTMLParser(huge_tree=True, remove_comments=True, remove_pis=True)
    markup = _PROLOG.sub("", markup).replace("\0", " ")
    try:
        root = lxml_html.document_fromstring(markup, parser=parser)
    except etree.ParserError:
        words = "The page holds no text; save it from the browser when it is loaded."
        raise Rejected("empty", words) from None
    _mark_hidden(root)
    return root


def _mark_hidden(root: etree._Element) -> None:
    """What a style sheet of the page hides by a class or an id alone."""
    sheets = "".join(style.text or "" for style in root.iter("style"))
    if "{" not in sheets:
        return
    names: set[str] = set()
    for selectors, rules in _RULE.findall(_OTHER_MEDIA.sub("", sheets)):
        if _HIDDEN.search(rules):
            names.update(map(str.strip, selectors.split(",")))
    if not names:
        return
    for element in root.iter(etree.Element):
        classes = (element.get("class") or "").split()
        if not names.isdisjoint([*(f".{one}" for one in classes), f"#{element.get('id')}"]):
            element.set("hidden", "")


class _Blocks:
    """Blocks of a tree in order. `around` says whether to leave out what is around the text."""

    def __init__(self, *, around: bool) -> None:
        self._around = around
        self._inline: list[str] = []
        self._margin = ""

    def of(self, root: etree._Element) -> Iterator[str]:
        yield from self._block(root)
        yield from self._paragraph()

    def _paragraph(self) -> Iterator[str]:
        """What was gathered since the last block; `\\n` in it is a line break."""
        lines = [" ".join(line.split()) for line in "".join(self._inline).split("\n")]
        self._inline = []
        text = "\n".join(line for line in lines if line)
        if text:
            yield text

    def _block(self, element: etree._Element) -> Iterator[str]:
        tag = _tag(element)
        if not tag or self._left_out(element, tag):
            return
        if tag not in _BLOCKS:
            yield from self._inner(element, tag)
            return
        yield from self._paragraph()
        if re.fullmatch("h[1-6]", tag):
            yield heading(int(tag[1]), _words(self._nested(element)))
        elif tag in ("ul", "ol", "menu"):
            yield self._list(element, tag)
        elif tag == "dl":
            yield from self._definitions(element)
        elif tag == "pre":
            yield fenced("".join(map(str, element.itertext())))
        elif tag == "table":
            yield from self._table(element)
        else:
            yield from self._inner(element, tag)
            yield from self._paragraph()

    def _inner(self, element: etree._Element, tag: str) -> Iterator[str]:
        if tag == "br":
            self._inline.append("\n")
        elif tag == "img":
            self._inline.append(f" {element.get('alt') or ''} ")
        elif tag == "input":
            self._inline.append(f" {_filled_in(element)} ")
        elif tag == "select":
            self._inline.append(f" {' '.join(_chosen(element))} ")
        elif tag == "math":
            self._inline.append(mathml(element))
        elif tag == "sup" and not len(element):
            self._inline.append(raised(_flat(element.text)))
        else:
            self._inline.append(_flat(element.text))
            for child in element:
                yield from self._block(child)
                self._inline.append(_flat(child.tail))

    def _left_out(self, element: etree._Element, tag: str) -> bool:
        if tag in _NO_TEXT or _is_hidden(element):
            return True
        return self._around and _is_around(element, tag)

    def _nested(self, element: etree._Element) -> list[str]:
        """The blocks inside of an element, apart from what was gathered before it."""
        inside = _Blocks(around=self._around)
        inside._inline.append(_flat(element.text))
        blocks: list[str] = []
        for child in element:
            blocks += inside._block(child)
            inside._inline.append(_flat(child.tail))
        return [*blocks, *inside._paragraph()]

    def _list(self, element: etree._Element, tag: str) -> str:
        lines: list[str] = []
        number = _number(element.get("start"), 1)
        for child in element:
            name = _tag(child)
            if not name or self._left_out(child, name):
                continue
            mark = f"{number}. " if tag == "ol" else "- "
            number += 1
            inside = "\n".join(self._nested(child)).split("\n")
            lines += [f"{mark}{inside[0]}", *(f"{' ' * len(mark)}{line}" for line in inside[1:])]
        return "\n".join(lines)

    def _definitions(self, element: etree._Element) -> Iterator[str]:
        """Each term on a line with what it means."""
        terms: list[str] = []
        last: etree._Element | None = None
        own = [one for one in element.iter("dt", "dd") if next(one.iterancestors("dl")) is element]
        for child in own:
            # The parser puts what follows an unclosed term into it.
            if last is not None and _tag(_parent(child)) in ("dt", "dd"):
                last.addnext(child)
            last = child
        for child in own:
            words = _words(self._nested(child))
            if _tag(child) == "dt":
                terms.append(words)
            else:
                yield f"{', '.join(terms)}: {words}" if terms else words
                terms = []
        yield from terms

    def _table(self, element: etree._Element) -> Iterator[str]:
        """Cells that hold tables or headings lay out a page, and their content is read in order."""
        if element.get("role") == "presentation" or element.find(".//table") is not None:
            for cell in element.iter("td", "th", "caption"):
                if next(cell.iterancestors("table")) is element:
                    yield from self._nested(cell)
            return
        for caption in element.iter("caption"):
            yield _words(self._nested(caption))
        rows = [row for row in element.iter("tr") if not self._left_out(row, "tr")]
        grid = spread([self._cell(cell) for cell in row.iter("td", "th")] for row in rows)
        yield table(one_header(grid, _header_rows(rows)))

    def _cell(self, cell: etree._Element) -> Cell:
        if self._left_out(cell, "td"):
            return Cell("")
        across, down = _number(cell.get("colspan"), 1), _number(cell.get("rowspan"), 1)
        return Cell(_words(self._nested(cell)), max(across, 1), down or ROWS_LEFT)


def _filled_in(field: etree._Element) -> str:
    kind = field.get("type", "text").lower()
    if kind in ("checkbox", "radio"):
        return "☐" if field.get("checked") is None else "☒"
    return (field.get("value") or "") if kind in ("text", "number", "email", "date") else ""


def _chosen(field: etree._Element) -> list[str]:
    """A list that drops down shows the options that are selected, else its first."""
    options = list(field.iter("option"))
    chosen = [one for one in options if one.get("selected") is not None] or options[:1]
    return [_flat("".join(map(str, one.itertext()))) for one in chosen]


def _parent(element: etree._Element) -> etree._Element:
    parent = element.getparent()
    return element if parent is None else parent


def _tag(element: etree._Element) -> str:
    """Empty for comments and the like; without an XML name space."""
    tag = element.tag
    return tag.rpartition("}")[2].lower() if isinstance(tag, str) else ""


def _words(blocks: Sequence[str]) -> str:
    return " ".join(" ".join(blocks).split())


def _flat(text: str | None) -> str:
    return (text or "").replace("\n", " ")


def _number(value: str | None, default: int) -> int:
    return int(value) if value and value.isdecimal() and len(value) < 6 else default


def _is_hidden(element: etree._Element) -> bool:
    if element.get("hidden", "until-found").lower() != "until-found":
        return True
    style = element.get("style") or ""
    if _tag(element) == "font":
        style += f";color:{element.get('color', '')}"
    if not style:
        return False
    colours = {name.lower()[:5]: value.strip().lower() for name, value in _COLOURS.findall(style)}
    if len(colours) == 2 and len({_colour(one) for one in colours.values()}) == 1:
        return True
    white = _WHITE.fullmatch(colours.get("color", "")) and "backg" not in colours
    return _HIDDEN.search(style) is not None or bool(white and _is_on_white(element))


def _colour(value: str) -> str:
    return "white" if _WHITE.fullmatch(value) else value


def _is_on_white(element: etree._Element) -> bool:
    """By the nearest background that is told; a page without styles is white."""
    for around in element.iterancestors():
        found = dict(_COLOURS.findall(around.get("style") or ""))
        told = next((v for name, v in found.items() if name.lower().startswith("backg")), None)
        if told := told or around.get("bgcolor"):
            return _WHITE.fullmatch(told.strip().lower()) is not None
    root = element.getroottree().getroot()
    return not any(True for _ in root.iter("style")) and root.find(".//link") is None


def _is_around(element: etree._Element, tag: str) -> bool:
    if tag in _AROUND:
        return next(element.iterancestors("blockquote"), None) is None
    if tag == "header" and next(element.iterancestors("main", "article"), None) is None:
        return element.find(".//h1") is None
    if element.get("role", "").lower() in _AROUND_ROLES:
        return element.find(".//h1") is None
    names = f"{element.get('class') or ''} {element.get('id') or ''}".split()
    if not names or tag in ("html", "body", "main", "article"):
        return False
    if any(_CONSENT.search(name) or _FOOTER.match(name) for name in names):
        return element.find(".//h1") is None
    return any(_LINKS.match(name) for name in names) and _is_links(element)


def _is_links(element: etree._Element) -> bool:
    """More than half of the letters are those of links."""
    letters = sum(len(text) for text in map(str.strip, map(str, element.itertext())))
    linked = sum(len("".join(map(str, link.itertext())).strip()) for link in element.iter("a"))
    return letters > 0 and linked * 2 > letters


def _header_rows(rows: Sequence[etree._Element]) -> int:
    """How many rows at the top hold nothing but header cells."""
    for n, row in enumerate(rows):
        in_head = next(row.iterancestors("thead", "table")).tag == "thead"
        if not in_head and any(True for _ in row.iter("td")):
            return n
    return len(rows)


def read_epub(body: bytes) -> Parsed:
    """The pages of a book in the order in which they are read."""
    with open_archive(body) as book:
        container = parsed_xml(book.read("META-INF/container.xml"))
        path = str(next(container.iter("{*}rootfile")).get("full-path"))
        package = parsed_xml(book.read(path))
        files = {item.get("id"): item.get("href", "") for item in package.iter("{*}item")}
        pages = []
        for reference in package.iter("{*}itemref"):
            name = posixpath.join(posixpath.dirname(path), unquote(files[reference.get("idref")]))
            content = book.read(posixpath.normpath(name))
            pages.append(page_text(_tree(decode(content, declared_encoding(content)))))
        title = next((one.text for one in package.iter("{*}title")), "")
        language = next((one.text for one in package.iter("{*}language")), None)
    return Parsed(joined(pages), True, title=real_title(title), language=language)
