"""How a person or a machine is reached: e-mail, phone, street, IP and MAC address, position."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

import phonenumbers

from services.finetune_export.models.finding import Finding
from services.finetune_export.services.screening.rule import Check, Group, Rule, near, rule
from services.finetune_export.services.screening.text import Text

# What stands behind an @ in code and is no domain.
_FILES = (
    "png|jpe?g|gif|svg|webp|js|ts|css|json|md|py|html?|xml|ya?ml|txt|zip|gz|lock|service|target"
)
_DOMAIN = r"(?:[\w](?:[\w-]{0,62}[\w])?\.)+(?!(?:" + _FILES + r")\b)[^\W\d_][\w-]{1,62}(?<!-)"
_LOCAL = r"[\w!#$%&*+/=?^`{|}~'’-]+(?:\.[\w!#$%&*+/=?^`{|}~'’-]+)*"
_TLD = (
    r"(?:com|org|net|edu|gov|io|co|info|biz|dev|app|ai|me|de|fr|es|it|pt|nl|uk|eu|ch|at|be"
    r"|se|no|dk|fi|pl|cz|in|au|ca|us|br|mx|ar|jp|cn|ru|za|ie|nz|gr|ro|hu|example|test"
    r"|local)"
)
# A written-out @ in brackets says what it is; a bare word `at` needs a written-out dot as well.
_AT = r"\s*(?:[\[({<]\s*(?:at|ät|@|arroba|chez|klammeraffe)\s*[\])}>])\s*"
_DOT = (
    r"\s*(?:[\[({<]\s*(?:dot|punkt|point|punto|ponto|punt|\.)\s*[\])}>])\s*|\s+(?:dot"
    r"|punkt|point|punto|ponto|punt)\s+"
)
_AT_WORD = r"\s+(?:at|ät|@|arroba|chiocciola)\s+|_at_"
_DOT_WORD = (
    r"\s+dot\s+|_dot_|\s+(?:punkt|point|punto|ponto|punt)\s+(?=(?:com|org|net|de|ch|fr|es"
    r"|it|pt|br|nl|be)\b)"
)
_NAME = r"[\w+-]+(?:(?:\.|" + _DOT + r")[\w+-]+){0,3}?"


def _is_email(value: str) -> bool:
    return not value.startswith(("git@github.com", "git@gitlab.com", "git@bitbucket.org"))


_EMAILS: tuple[Rule, ...] = (
    rule(
        "email",
        (
            rf"(?<![\w.+@/-])(?:mailto:)?(?P<v>(?:\"[^\"\s@\n]{{1,40}}(?: [^\"\s@\n]{{1,30}})?\""
            rf"|{_LOCAL})\s?[@＠﹫]\s?{_DOMAIN}(?!\w))"
        ),
        "@",
        "＠",
        "﹫",
        check=_is_email,
    ),
    rule("email", rf"(?<![\w.+@/-]){_LOCAL}@\[(?:IPv6:)?[0-9a-fA-F.:]+\]", "@["),
    rule("email", rf"(?<![\w.+@-])(?:mailto:)(?P<v>{_LOCAL}%40{_DOMAIN})", "%40"),
    rule(
        "email",
        rf"(?<![\w.+@%=-]){_LOCAL.replace('%', '')}(?:%40|&#64;|&commat;|\\u0040){_DOMAIN}",
        "%40",
        "&#64;",
        "&commat;",
        "u0040",
    ),
    rule(
        "email",
        rf"(?i)(?<![\w.+@-]){_NAME}(?:{_AT})(?:[\w-]+(?:\.|{_DOT}))+{_TLD}\b",
        *("[", "(", "{", "<"),
    ),
    rule(
        "email",
        (
            rf"(?i)(?<![\w.+@-]){_NAME}(?:{_AT_WORD})(?:[\w-]+(?:{_DOT_WORD}"
            rf"|\.))*?[\w-]+(?:{_DOT_WORD}){_TLD}\b"
        ),
        *(" dot ", " punkt ", " point ", " punto ", " ponto ", " punt ", "_dot_"),
    ),
    rule(
        "email",
        rf"(?i)(?<![\w.+@-])[\w.+-]+ (?:@|at) (?:[\w-]+ ?\. ?)+{_TLD}\b(?= |$|[.,;)])",
        " @ ",
    ),
)

_PHONE = re.compile(
    r"(?<![\w+=@#$€£])(?<!\d[.,:/-])(?<![.,]\d)(?:\+ ?|\(\+|00 ?(?=[1-9]))?\(?\d"
    r"(?:[ .\-/()\u00a0\u2009\u2010-\u2013]{0,3}\d){5,15}(?![\w%€])(?![.,:]\d)(?!-[\dA-Za-z])"
    r"(?:,?\s*(?:x|ext\.?|extension|durchwahl|poste|anexo|ramal|int\.|toestel)\s*\.?\s*\d{1,6}\b)?",
    re.IGNORECASE,
)
_PHONE_WORDS = re.compile(
    r"(?i)(?:\b(?:tele?(?:fon|foon|phone|fone|fono)?|tlf|tlfn|ph(?:one)?|call(?:ed|ing|s"
    r"| me)?|mob(?:ile|iel|il)?|cell(?:ulare|ular)?"
    r"|fax|whats?app|signal|ring|text|sms|handy\w*|rufnummer|ruf\w*|anruf\w*|appel\w*"
    r"|portable|m[oó]vil|cel|celular|telem[oó]vel"
    r"|ll[aá]m\w*|chiam\w*|lig(?:ue|ar|a)|bel(?:len)?|reach\w*|dial|hotline|durchwahl"
    r"|erreich\w*)\b\.?|t[eé]l\b|☎|📞|📱|\b[TMPFHDO]:)"
)
_NUMBER_WORDS = re.compile(
    r"(?i)\b(?:contact\w*|contato|kontakt|nummer|number|num[eé]ro|n[uú]mero|numero|nr)\b(?! of)"
)
_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ][01]?\d[-./ ][0-3]?\d(?:[ T]?\d{1,2}.*)?"
    r"|[0-3]?\d[-./ ][0-3]?\d[-./ ](?:19|20)?\d\d"
    r"|(?:19|20)\d\d ?[-–/] ?(?:19|20)?\d\d|(?:(?:19|20)\d\d[ -/]?)+|(?:19"
    r"|20)\d{6}(?:[ -]?\d{4,6})?"
)
# Layouts by which a number without + and without a word shows, and whose numbers they are.
_LAYOUTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(layout), regions)
    for layout, regions in (
        (r"(?:1[ .-])?\([2-9]\d\d\) ?\d{3}[ .-]\d{4}", "US"),
        (r"(?:1-)?[2-9]\d\d-\d{3}-\d{4}", "US"),
        (r"(?:1\.)?[2-9]\d\d\.\d{3}\.\d{4}", "US"),
        (r"[2-9]\d\d \d{3}[ -]\d{4}", "US"),
        (r"1?[-. ]?8(?:00|33|44|55|66|77|88)[-. ]\d{3}[-. ]\d{4}", "US"),
        (
            r"\(?0\d{1,5}\)?(?:[ ./\-–]{1,3}\d{1,8}){1,5}",
            "GB DE FR IT NL BE CH AT ES AU IE SE JP ZA TR IN NZ FI CN KR",
        ),
        (r"07\d{9}|0[67]\d{8}|01[567]\d{8,9}|04\d{8}|0[1-5]\d{8}", "GB FR DE BE AU NL CH SE"),
        (r"\(\d\d\) ?9?\d{4}[- ]\d{4}", "BR"),
        (r"[6-9]\d{4}[ -]\d{5}", "IN"),
        (r"1[3-9]\d[ -]\d{4}[ -]\d{4}", "CN"),
        (r"8 ?\(\d{3,4}\) ?\d{2,3}[- ]\d\d[- ]\d\d", "RU"),
        (r"[67]\d\d \d\d \d\d \d\d|9[0-9]\d \d{2} \d{2} \d{2}", "ES"),
        (r"\(0\d{1,4}\) ?\d[\d -]{4,}", "DE AU GB CN AR"),
    )
)


@dataclass(frozen=True)
class Phones:
    """Numbers with a country, after a word for them, or in a layout of a country."""

    def findings(self, whole: Text) -> Iterator[Finding]:
        text = whole.text
        for match in _PHONE.finditer(text):
            value = match.group()
            if self._is_phone(text, match.start(), value):
                yield Finding(match.start(), match.start() + len(value.rstrip()), "phone")

    @staticmethod
    def _is_phone(text: str, start: int, value: str) -> bool:
        core = re.split(r"(?i)[,\s]*(?:x|ext|dur|poste|anexo|ramal|int|toe)", value)[0].strip()
        digits = re.sub(r"\D", "", core)
        if core.startswith(("+", "(+")) or (core.startswith("00") and len(digits) > 10):
            return 8 <= len(digits) <= 17 and _has_country("+" + digits.removeprefix("00"))
        if not 7 <= len(digits) <= 15 or _DATE.fullmatch(core) or len(set(digits)) < 3:
            return False
        bare = core.isdigit() and len(digits) < 9
        if _said(_PHONE_WORDS, text, start) or (not bare and _said(_NUMBER_WORDS, text, start)):
            return True
        return any(
            layout.fullmatch(core) and any(_is_valid(core, region) for region in regions.split())
            for layout, regions in _LAYOUTS
        )


def _said(words: re.Pattern[str], text: str, start: int) -> bool:
    return bool(words.search(text, max(0, start - 28), start))


def _has_country(number: str) -> bool:
    """Not only possible ones: people write outdated and shortened numbers."""
    try:
        phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return False
    return True


def _is_valid(number: str, region: str) -> bool:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return False
    # Fictional numbers (555-01xx) are possible, not valid; people write them like real ones.
    return phonenumbers.is_valid_number(parsed) or (
        region == "US" and phonenumbers.is_possible_number(parsed)
    )


def _is_ip(value: str) -> bool:
    try:
        address = ipaddress.ip_address(value.partition("/")[0].partition("%")[0])
    except ValueError:
        return False
    if address.version == 6:
        return (
            not (address.is_loopback or address.is_unspecified) and sum(map(str.isdigit, value)) > 1
        )
    mask = int(address) & 0xFFFFFFFF
    return not (address.is_loopback or address.is_unspecified or mask >= 0xFF000000)


def _is_mac(value: str) -> bool:
    return len(set(re.sub(r"[^0-9a-f]", "", value.lower()))) > 1


def _is_position(least: float) -> Check:
    def passes(value: str) -> bool:
        numbers = [float(number) for number in re.findall(r"\d{1,3}\.\d+", value)]
        return len(numbers) == 2 and least <= numbers[0] <= 90 and numbers[1] <= 180

    return passes


_VERSION = (
    r"(?<![\d.])(?<!\bv)(?<!version )(?<!release )(?<!section )(?<!Section )(?<!Version "
    r")(?<!chapter )(?<!Chapter )(?<!table )(?<!Table )(?<!§ )"
)
_HEX = "[0-9a-fA-F]"

_NETWORK: tuple[Rule, ...] = (
    rule(
        "ip_address",
        _VERSION + r"(?<![\w-])(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}"
        r"(?![\w])(?!\.\d)(?!-\w)(?:/\d{1,2}\b)?",
        check=_is_ip,
    ),
    rule(
        "ip_address",
        (
            rf"(?<![\w:.])(?:{_HEX}{{0,4}}:){{2,7}}(?:{_HEX}{{0,4}}"
            rf"|\d{{1,3}}(?:\.\d{{1,3}}){{3}})(?:%\w+)?(?![\w:])(?:/\d{{1,3}})?"
        ),
        ":",
        check=_is_ip,
    ),
    rule(
        "mac_address", rf"(?<![\w:-]){_HEX}{{2}}(?::{_HEX}{{2}}){{5}}(?![\w:])", ":", check=_is_mac
    ),
    rule(
        "mac_address", rf"(?<![\w:-]){_HEX}{{2}}(?:-{_HEX}{{2}}){{5}}(?![\w-])", "-", check=_is_mac
    ),
    rule(
        "mac_address",
        rf"(?<![\w.]){_HEX}{{4}}\.{_HEX}{{4}}\.{_HEX}{{4}}(?![\w.])",
        ".",
        check=_is_mac,
    ),
    rule(
        "location",
        (
            r"(?<![\d.])[-+]?\d{1,2}\.\d{4,9}°?\s?[NS]?\s?[,;/ "
            r"]\s?[-+]?\d{1,3}\.\d{4,9}°?\s?[EWO]?(?![\d.])"
        ),
        check=_is_position(1),
    ),
    rule(
        "location",
        r"(?i)\b(?:gps|lat(?:itude)?|coord\w*|koord\w*|location|position"
        r"|geo)\b[^\n\d]{0,16}(?P<v>[-+]?\d{1,2}\.\d{2,9}°?\s?[NS]?"
        r"(?:\s?[,;/ ]\s?|\W{0,3}\s*\b(?:lon|lng|long"
        r"|longitude)\b\W{0,4})[-+]?\d{1,3}\.\d{2,9}(?:°?\s?[EWO]\b)?)",
        check=_is_position(0),
    ),
    rule(
        "location",
        r"\d{1,2}\s?°\s?\d{1,2}\s?['′’]\s?(?:\d{1,2}(?:[.,]\d+)?\s?(?:[\"″”]"
        r"|'')\s?)?[NS],?\s*\d{1,3}\s?°\s?"
        r"\d{1,2}\s?['′’]\s?(?:\d{1,2}(?:[.,]\d+)?\s?(?:[\"″”]|'')\s?)?[EWO]",
        "°",
    ),
)

_U = r"[A-ZÀ-ÖØ-ÞŁŚŠŽ]"
_W = rf"(?:{_U}[\w.'’-]*|of|the|de|la|los|las|del|da|do|dos|des|du|di|der|den|am|an|van|St\.)"
_PLACE = rf"{_U}[^\W\d_]+(?:[.'-][^\W\d_]+)*(?!\w)"
_TOWN = rf"(?:{_PLACE}(?:[ -](?:{_PLACE}|am|an|der|of|sur|la|le|de|upon|Main)){{0,3}})"
_FLAT = r"(?:,? ?(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Fl|Room|Rm|Bldg|#)\.? ?#?[\w-]{1,5})?"
_POST = (
    r"(?:,? (?:[A-Z]{2}|[A-Z][a-z]+)?,? ?(?:\d{5}(?:-\d{4})?"
    r"|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|[A-Z]\d[A-Z] ?\d[A-Z]\d))?"
)
_TAIL = (
    rf"(?:(?:,|\n|,? -)?\s?(?:[A-Z]{{1,2}}-)?\d{{4,5}}(?:-\d{{3}})?(?: [A-Z]{{2}})? {_TOWN}"
    rf"|, {_TOWN}(?:,? \d{{4,5}}(?:-\d{{3}})?)?)?"
)
_STREETS = (
    r"(?:Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Way|Place"
    r"|Pl|Square|Sq"
    r"|Terrace|Close|Crescent|Cres|Parkway|Pkwy|Highway|Hwy|Circle|Cir|Mews|Gardens|Row"
    r"|Walk|Hill|Grove|Trail|Broadway|Loop|Plaza|Alley|Quay|Wharf|Gate|Yard|Mall|Pike"
    r"|Parade|Esplanade)\b\.?"
)

_ADDRESSES: tuple[Rule, ...] = (
    rule(
        "address",
        rf"(?<![\w.,/-])(?:(?:Flat|Apt\.?|Apartment|Unit"
        rf"|Suite) \w{{1,4}},? )?\d{{1,5}}[A-Za-z]?,? (?:(?:[NSEW]\.?|North|South|East"
        rf"|West) )?(?:{_W} ){{1,4}}?{_STREETS}"
        rf"{_FLAT}(?:,? (?:{_TOWN}))?(?:,? {_TOWN})?{_POST}",
    ),
    rule(
        "address",
        rf"(?i:\b[a-zäöüß-]*(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|damm|ufer|chaussee"
        rf"|straat|laan|plein|gracht|kade|dijk|singel))"
        rf" \d{{1,4}}(?: ?[a-zA-Z]\b|[-/]\d{{1,3}})?(?!\d){_TAIL}",
        *(
            "straße",
            "strasse",
            "str.",
            "weg",
            "platz",
            "allee",
            "gasse",
            "damm",
            "ufer",
            "chaussee",
        ),
        *("straat", "laan", "plein", "gracht", "kade", "dijk", "singel"),
    ),
    rule(
        "address",
        rf"(?<![\w.])\d{{1,4}}(?: ?(?:bis|ter))?,? (?i:rue|avenue|boulevard|bd|place|chemin"
        rf"|allée|impasse|quai|cours|route)"
        rf" (?:[\w.'’-]+ ?){{1,6}}?(?=[,\n.;]|$| \d){_TAIL}",
        *(
            "rue",
            "avenue",
            "boulevard",
            "bd",
            "place",
            "chemin",
            "allée",
            "impasse",
            "quai",
            "cours",
            "route",
        ),
    ),
    rule(
        "address",
        rf"\b(?:Calle|C/|Avenida|Avda\.?|Av\.|Plaza|Paseo|Carrer|Via|Viale|Piazza|Corso|Largo"
        rf"|Rua|Travessa|Praça|R\.)"
        rf" ?(?:{_W} ?){{1,6}},? ?(?:n[º°.o]{{1,2}} ?)?\d{{1,5}}(?:[ -]?[A-Z]\b)?(?:, "
        rf"?\d{{1,2}}[º°ªo]\w?(?: ?[A-Z]\b)?)?{_TAIL}",
    ),
    rule(
        "address",
        (
            rf"\b(?:{_PLACE} ){{1,4}}\d{{1,4}} ?[a-z]?,\s(?:[A-Z]{{1,2}}-)?\d{{4,5}}(?: "
            rf"[A-Z]{{2}})? {_TOWN}"
        ),
    ),
    rule(
        "address",
        (
            rf"(?:\b(?i:p\.? ?o\.? box) \d{{1,6}}\b|\b(?i:postfach) \d[\d ]{{1,8}}\b)(?:, "
            rf"{_TOWN})?{_POST}"
        ),
        *("box", "postfach"),
    ),
    rule(
        "address",
        r"(?i)\b(?:(?:home|postal|mailing|shipping|billing|delivery|street"
        r"|residential) address|address(?=:)|lives at"
        r"|living at|live at|resid(?:es|ing) at|ship(?:ped)? to|deliver(?:ed)? to|anschrift"
        r"|wohnhaft(?: in)?|adresse(?=:)|direcci[oó]n(?=:)|domicilio"
        r"|indirizzo|endere[çc]o|adres(?=:)|morada)\b[\s:=]{1,4}(?!(?:\d{1,3}\.){3})"
        r"(?P<v>(?=[^\n]{0,60}\d)(?!https?:)[A-Z0-9][^\n;|<>@{}]{8,90}?)(?=\.\s|\.?\n|\.?$|;"
        r"|\||[\"<]|'\s|,? (?:and|tel|phone|or)\b)",
        check=lambda value: len(re.findall(r"[^\W\d_]{3,}", value)) > 0 and "://" not in value,
    ),
)

EMAILS = Group(_EMAILS)
NETWORK = Group(_NETWORK, near(r"\d[.°]|[0-9a-f][:-][0-9a-f:]", 24, 60))
ADDRESSES = Group(_ADDRESSES, near(r"\d", 100, 100))
