"""Numbers of papers, plates, dates of birth and user names, by the words beside them."""

import re

from services.finetune_export.services.screening.passwords import NOT_A_VALUE
from services.finetune_export.services.screening.rule import Group, Rule, near, rule

_GAP = (
    r"(?i:[\s:#=.,\"'()|*-]|\b(?:no|nr|num|number|nummer|num[eé]ro|n[uú]mero|numero|n[°º]"
    r"|id|code|is|was|ist|lautet|est|es|è|é|card|my|:)\b\.?){0,8}?"
)
_PAPER = (
    r"(?=[A-Za-z0-9 ./-]{0,14}\d)[A-Z0-9]{1,20}(?:[ "
    r"./-]?(?=[A-Z]{0,4}\d)[A-Z0-9]+){0,6}(?:[ -][A-Z]{1,2})?"
)
_LOWER = r"[a-z]{0,3}\d[a-z0-9]{4,18}"


def _has_digits(least: int, most: int = 24) -> "re.Pattern[str]":
    return re.compile(rf"(?=(?:\D*\d){{{least}}})(?=.{{5,{most}}}$)")


def _paper(kind: str, needles: str, words: str, least: int = 4) -> tuple[Rule, ...]:
    shape = _has_digits(least)
    return (
        rule(
            kind,
            (
                rf"(?<![A-Za-z])(?i:{words})(?![A-Za-z])(?!-[A-Z]*\d){_GAP}(?P<v>{_PAPER}"
                rf"|{_LOWER})(?![A-Za-z0-9])"
            ),
            *needles.split("|"),
            check=lambda text: bool(shape.match(text)) and not (least < 6 and _is_date(text)),
            around=90,
        ),
    )


def _plate(kind: str, needles: str, words: str) -> tuple[Rule, ...]:
    """Short groups of capitals and digits."""
    return (
        rule(
            kind,
            (
                rf"(?<![A-Za-z])(?i:{words})(?![A-Za-z]){_GAP}(?P<v>(?=[A-ZÄÖÜ "
                rf"-]*\d)[A-ZÄÖÜ0-9]{{1,7}}(?:[ ·-][A-ZÄÖÜ0-9]{{1,4}}){{0,3}})(?![A-Za-z0-9])"
            ),
            *needles.split("|"),
            check=lambda text: (
                sum(map(str.isalnum, text)) >= 4
                and any(map(str.isdigit, text))
                and not _is_date(text)
            ),
            around=90,
        ),
    )


def _is_date(value: str) -> bool:
    return bool(
        re.fullmatch(
            r"(?:19|20)\d\d[-./][01]\d[-./][0-3]\d|[0-3]?\d[-./][0-3]?\d[-./](?:19|20)?\d\d", value
        )
    )


_PAPERS: tuple[Rule, ...] = (
    *_paper(
        "passport",
        "pass|pasap|paspo",
        (
            r"passports?|reise?pass(?:nummer)?|passnummer|passeport|pasaporte|passaporto"
            r"|passaporte|paspoort(?:nummer)?"
        ),
    ),
    *_paper(
        "national_id",
        (
            "ssn|soc|national i|nino|ni number|id|ausweis|versicherungs|svnr|sécu|secu|identit"
            "|dni|nie|dula|curp|codice|cpf|rg|bi|cart|bsn|burgerserv|pesel|personn|henkil|cnp"
            "|aadha|sin|nric|hkid|number|mynumber|rijks|ahv|oib|jmbg|cpr|egn|егн|снилс|паспорт|em"
            "|amka|kennit|rodn|rč|rc|isiku|asmens|personas|kimlik|tc|nik|cnic|nrc|szem|rrn|pps"
            "|citizen"
        ),
        r"ssn|social security|soc(?:ial)?\.? sec\.?|national id(?:entity|entification)?|nino"
        r"|national insurance|ni number|identity card|id card|id number"
        r"|personalausweis(?:nummer)?|ausweis(?:nummer)?|sozialversicherungsnummer|svnr"
        r"|rentenversicherungsnummer|num[eé]ro de s[eé]curit[eé] sociale"
        r"|s[eé]cu(?:rit[eé])? sociale|carte d['’]identit[eé]"
        r"|dni|nie|c[eé]dula|curp|codice fiscale|carta d['’]identit[aà]|cpf|rg(?=:)|bi(?=:)"
        r"|cart[aã]o de cidad[aã]o|bsn|burgerservicenummer|identiteitskaart|pesel|personnummer"
        r"|henkil[oö]tunnus|cnp|aadhaa?r|sin|nric|hkid|my ?number|rijksregisternummer"
        r"|ahv(?:-nummer)?|oib|jmbg|cpr(?:-nummer)?|egn|егн|снилс|паспорт|emšo|emso|amka"
        r"|kennitala|rodné číslo|r[čc]|isikukood|asmens kodas|personas kods|kimlik(?: no)?|tc"
        r"|nik|cnic|nrc|személyi\w*|rrn|pps|ppsn|citizen id",
    ),
    *_paper(
        "tax_id",
        (
            "tax|tin|ein|vat|utr|steuer|ust|uid-|fiscal|tva|nif|cif|rfc|cuit|cuil|rut|iva|cnpj"
            "|nipc|contribu|btw|rsin|nip|tfn|abn|gst|pan|nit|npwp|pib|инн|рнокпп|siren|siret"
            "|adósz|ubn|uen|idno|eori|αφμ|corporate|ird|pps|bn"
        ),
        r"tax (?:id|identification|file|payer)|tin|itin|ein|vat(?: reg(?:istration)?)?|utr"
        r"|steuer(?:identifikations)?(?:-id|id|nummer)?(?:nr)?|steuer-?(?:id|nr)"
        r"|ust-?id(?:-?nr)?|uid-nummer"
        r"|num[eé]ro fiscal|n[°º] fiscal|tva|nif|cif|rfc|cuit|cuil|rut|partita iva|p\.? ?iva"
        r"|iva|cnpj|nipc|contribuinte|btw(?:-nummer)?|rsin|nip|tfn|abn|gst(?:in)?|pan|nit|npwp"
        r"|pib|инн|рнокпп|siren|siret|adószám|ubn|uen|idno|eori|афм|αφμ|corporate number|ird"
        r"|pps|bn",
        5,
    ),
    *_paper(
        "driving_licence",
        "licen|dl|führersch|fuhrersch|permis|carn|patente|carta de|cnh|rijbew",
        (
            r"driv(?:er|ing)['’]?s? licen[cs]e|licen[cs]e (?:no|number|#)|dl(?: ?#| no| number)"
            r"|f[uü]hrerschein(?:nummer)?|permis de conduire|carn[eé] de conducir"
            r"|permiso de conducir|licencia de conducir|patente(?: di guida)?"
            r"|carta de condu[cç][aã]o|cnh|rijbewijs(?:nummer)?"
        ),
    ),
    *_paper(
        "health_id",
        (
            "nhs|medic|health|insurance|policy|member|mrn|patient|versichert|krankenk|kvnr|vitale"
            "|mutuelle|sanitari|seguro soc|ssn|zorgv|polisn|benefic|ehic|utente"
        ),
        r"nhs|medicare|medicaid|health (?:insurance|card|plan)|insurance (?:id|policy|member"
        r"|no|number)|policy (?:no|number)|member(?:ship)? (?:id|no|number)|mrn|medical record"
        r"|patient (?:id|no|number)"
        r"|krankenversicherten?(?:nummer)?|versicherten?(?:nummer|nr)|krankenkasse(?:nnummer)?"
        r"|kvnr|carte vitale|mutuelle|tarjeta sanitaria|seguro social|tessera sanitaria|ssn"
        r"|zorgverzekering|polisnummer|health id|beneficiary|ehic|n[uú]mero de utente",
    ),
    *_paper(
        "bank_account",
        (
            "account|acct|a/c|routing|aba|sort code|bsb|konto|blz|bankleit|cuenta|compte|conto"
            "|rekening|clabe|ifsc|bic|swift"
        ),
        (
            r"(?:bank )?account(?: no| number| ?#)?|acct\.?(?: no| #)?|a/c(?: no)?|routing(?: no"
            r"| number)?|aba|sort code|bsb|konto(?:nummer|nr)?|blz|bankleitzahl"
            r"|n[uú]mero de cuenta|cuenta|compte(?: bancaire)?|conto(?: corrente)?"
            r"|rekening(?:nummer)?|clabe|ifsc|bic|swift"
        ),
        6,
    ),
    *_plate(
        "licence_plate",
        "plate|registration|reg|kennzei|nummernsch|plaque|immatric|matr|targa|placa|kenteken|vrn",
        (
            r"licen[cs]e plate|number ?plate|plate|registration(?: plate)?|reg(?:istration)? (?:no"
            r"|number|plate)|kennzeichen|nummernschild|plaque(?: d['’]immatriculation)?"
            r"|immatriculation|matr[ií]cula|targa|placa|kenteken|vrn"
        ),
    ),
    *_paper(
        "device_id",
        "imei|imsi|serial|meid|iccid|udid|vin|chassis|fahrgest|seriennu|android|idfa|device",
        (
            r"imei|imsi|serial(?: no| number)?|meid|iccid|udid|vin|chassis|fahrgestellnummer"
            r"|seriennummer|android[ _]?id|idfa|device[ _]?id"
        ),
    ),
)

_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|jän|mär|mai|juni|juli|okt|dez"
    r"|janv|fév|fev|avr|juin|juil|août|aout|déc"
    r"|ene|abr|ago|dic|gen|mag|giu|lug|set|ott|out|mrt|mei)[a-zéûç]*\.?"
)
_DAY = (
    r"(?:\d{1,4}\s?[-./]\s?\d{1,2}\s?[-./]\s?\d{1,4}|\d{1,2}(?:st|nd|rd|th|er|\."
    r"|º)?\s*(?:of |de |d['’])?\s*"
    rf"{_MONTH},?\s*(?:de |del )?'?\d{{2,4}}|{_MONTH}\s\d{{1,2}}(?:st|nd|rd"
    rf"|th)?,?\s'?\d{{2,4}}|\d{{1,2}}[-/ ]{_MONTH}[-/ ]\d{{2,4}}|(?<=[ :=\"'])(?:19"
    rf"|20)\d{{6}})"
)
_DATES: tuple[Rule, ...] = (
    rule(
        "date_of_birth",
        r"(?i)(?<![a-z])(?:d\.?o\.?b\.?|date[ _-]?of[ _-]?birth|birth[ _-]?(?:date|day)|born"
        r"|b[- ]?day|geboren|geb\.?|geburts(?:datum|tag)|n[ée]{2}?\(?e?\)? le"
        r"|date de naissance|naissance|naci[óod]+a?|fecha de nacimiento|f\. ?nac\.?|nat[oa]"
        r"|data di nascita|nasc(?:id[oa]|i|eu)|data de nascimento|geboortedatum|fødselsdato"
        r"|födelsedatum)"
        rf"[\"')*\s:=|-]*(?:(?:on|is|was|am|le|el|il|em|op|the|it's|den|in [A-Z]\w+|a [A-Z]\w+"
        rf"|:)[\s:=\"]*){{0,4}}(?P<v>{_DAY})",
        *(
            "d.o.b",
            "dob",
            "birth",
            "born",
            "bday",
            "b-day",
            "gebor",
            "geb",
            "naiss",
            "née",
            "né ",
            "né(",
            "nee ",
            "naci",
            "f. nac",
            "f.nac",
        ),
        *("nato ", "nata ", "nasc", "fød", "föd"),
        around=60,
    ),
)

_USERNAMES: tuple[Rule, ...] = (
    rule(
        "username",
        (
            r"(?i)\b(?:user ?name|user_?id|login|benutzername|nom d['’]utilisateur|usuario"
            r"|nome utente|gebruikersnaam|twitter|instagram|telegram|skype|github|handle"
            r"|x handle)\b(?: handle| id| name| is)*[\"']?\s*[:=]\s*[\"']?"
            r"(?P<v>@?[\w][\w.-]{2,30})"
        ),
        *(
            "user",
            "usuario",
            "login",
            "benutzer",
            "utilisateur",
            "utente",
            "gebruikers",
            "twitter",
            "instagram",
            "telegram",
            "skype",
            "github",
            "handle",
        ),
        check=lambda value: not NOT_A_VALUE.fullmatch(value),
        around=60,
    ),
    rule(
        "username",
        r"(?<![\w@./=])@(?=[\w.]*[\d_.])[A-Za-z][\w.]{3,30}(?<![.])(?![\w/(@])",
        "@",
        check=lambda value: (
            value.count(".") < 2 and not re.search(r"\.(?:js|com|org|py|ts)$", value)
        ),
    ),
)

PAPERS = Group(_PAPERS, near(r"\d(?:[^\d\n]{0,4}\d)+", 80, 24))
DATES = Group(_DATES, near(r"\d\d", 60, 30))
USERNAMES = Group(
    _USERNAMES,
    near(
        r"@|user|usuario|login|benutzer|utente|gebruikers|twitter|gram|skype|github|handle", 8, 60
    ),
)
