"""Names that a word beside them gives away: titles, introductions, signatures, form fields."""

import re

from services.finetune_export.services.screening.rule import Group, Rule, rule

_U = r"A-ZÀ-ÖØ-ÞĀĂĄĆĈĊČĎĐĒĘĚĞĢĪĮİĶĹĻĽŁŃŅŇŌŐŒŘŚŞŠŢŤŪŮŰŲŴŶŹŻŽА-ЯЁΑ-Ω"
WORD = (
    rf"(?:(?:Mc|Mac|O['’]|D['’]|d['’]|L['’]|De|Di|Al-|El-"
    rf"|al-)?[{_U}][^\W\d_]+(?:[-'’][{_U}]?[^\W\d_]+)*|[{_U}]\.)"
)
PARTICLE = (
    r"(?:van der|van den|van de|van|von der|von|zu|de la|de los|de las|de|del|della|di|da"
    r"|dos|das|do|du|des|le|la|el|al|bin|ibn|bint|ter|ten|den|der|y|e|ben|st\.)"
)
FULL = rf"{WORD}(?:[ \t]+(?:{PARTICLE}[ \t]+)?{WORD}){{0,3}}"
_TITLES = (
    r"Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Doctor|Sir|Dame|Lady|Lord|Rev|Father|Judge"
    r"|Officer|Sgt|Capt|Captain|Nurse|Herrn?|Frau|Fr|Hr|Monsieur|Madame|Mademoiselle"
    r"|Mme|Mlle|Se[ñn]or(?:a|ita)?|Sr|Sra|Srta|Don|Do[ñn]a|Dott|Dott\.ssa|Dottor|Sig"
    r"|Sig\.ra|Signora?|Signor|Senhora?|Sr\.ª|Dhr|Mevr|Mevrouw|Meneer|Mw|Ing|Ingeniero|Avv"
    r"|Maître"
)
_INTRO = (
    r"my (?:full )?name is|my name['’]s|name is|i am called|call me|this is|it['’]s|i['’]m"
    r"|i am|ich bin|ich hei(?:ß|ss)e|mein name ist|je m['’]appelle|je suis|mon nom est"
    r"|me llamo|mi nombre es|soy|mi chiamo|sono|il mio nome [eè]|chamo-me|meu nome [eé]"
    r"|o meu nome [eé]|sou (?:o|a)|eu sou|ik heet|mijn naam is|ik ben|jag heter|jeg heter"
    r"|nazywam si[eę]"
)
_FIRM_INTRO = (
    r"my (?:full )?name is|my name['’]s|mein name ist|ich hei(?:ß|ss)e|je m['’]appelle"
    r"|mon nom est|me llamo|mi nombre es|mi chiamo|il mio nome [eè]|chamo-me"
    r"|o meu nome [eé]|meu nome [eé]|ik heet|mijn naam is|call me|jag heter"
)
_FIELD = (
    r"(?:(?:full|first|last|middle|given|family|sur|maiden|legal|customer|client|patient"
    r"|employee|contact|account holder|card ?holder|owner|applicant|tenant|guest|student"
    r"|user|sender|recipient|author|billing|shipping|account|display|emergency contact"
    r"|beneficiary)[ _-]?)?names?|surname"
    r"|patient|customer|client|employee|applicant|attn|attention|contact(?: person)?"
    r"|card ?holder|account ?holder|signed(?: by)?|prepared by|reported by|assigned to"
    r"|assignee|reporter|requester|requested by|submitted by|approved by|created by"
    r"|manager|owner|caller|agent|author|witness|doctor|physician|passenger|guest"
    r"|beneficiary|recipient|sender|from|to|cc|bcc|reply-to|by"
    r"|vorname|nachname|familienname|kunde|kundin|patientin?|mitarbeiter(?:in)?"
    r"|ansprechpartner(?:in)?|bearbeiter(?:in)?|absender|empfänger|von|an|nom|pr[eé]nom"
    r"|nom de famille|client|nombre|apellidos?|nombre completo|cliente|paciente|titular"
    r"|cognome|nome|nome completo|intestatario|paziente|sobrenome|apelido|utente|naam"
    r"|voornaam|achternaam|klant|pati[eë]nt"
)
_CLOSING = (
    r"(?:kind|best|warm|warmest|many) regards|regards|best wishes|best|cheers|sincerely"
    r"|yours (?:truly|sincerely|faithfully)|sincerely yours|thanks(?: again| a lot"
    r"| so much)?|thank you|many thanks|thx|respectfully|all the best|take care"
    r"|mit freundlichen grüßen|viele grüße|liebe grüße|freundliche grüße|beste grüße|mfg"
    r"|lg|vg|gruß|cordialement|bien cordialement|bien à vous|amicalement|salutations"
    r"|saludos(?: cordiales)?|un saludo|atentamente|cordiali saluti|distinti saluti|saluti"
    r"|atenciosamente|cumprimentos|com os melhores cumprimentos|abraços?"
    r"|met vriendelijke groet(?:en)?|groet(?:en|jes)?|mvg"
)
_GREETING = (
    r"hi|hello|hey|dear|good (?:morning|afternoon|evening)|hi there|hallo|guten (?:tag"
    r"|morgen)|liebe[rs]?|sehr geehrte[rs]?(?: (?:herr|frau))?|bonjour|salut|ch[eè]re?s?"
    r"|hola|buenos d[ií]as|estimad[oa]|querid[oa]|ciao|gentile|caro|cara|ol[aá]|caro"
    r"|prezad[oa]|beste|geachte(?: (?:heer|mevrouw))?|thanks|thank you|cc|@"
)
# Words with a capital after such a word that are no name.
_NOT_NAMES_TEXT = """
all team everyone everybody sir madam folks guys support both again there you for so very
friends colleagues world customer service help desk admin root user users system please thanks
regards best the this that these those and but from with not sent have i it we they he she my
your our his her monday tuesday wednesday thursday friday saturday sunday january february
march april may june july august september october november december english german french
spanish italian dutch portuguese american british european not available unknown none null
true false yes no ok error warning info debug python java javascript google amazon microsoft
apple facebook github linux windows docker kubernetes aws azure invoice order ticket account
number date time address phone email fax city state country street company inc ltd gmbh llc
corp department sales marketing engineering finance legal hr it damen herren zusammen alle
leute tous toutes todos todas tutti messieurs mesdames señores senhores ladies gentlemen
hiring manager valued client patient product required optional string varchar text name first
last interested happy sorry glad trying using looking working writing having getting going
just also now here new still able unable sure afraid aware currently based located very really
a an in on at of to by as is was be been it's me us them who what when where why how out about
after before up down
"""
NOT_NAMES = frozenset(_NOT_NAMES_TEXT.split())


def _is_name(value: str) -> bool:
    words = re.findall(r"[^\W\d_]+", value.lower())
    return (
        bool(words) and words[0] not in NOT_NAMES and words[-1] not in NOT_NAMES and len(value) > 2
    )


_LOWER = r"[^\W\d_]{2,}(?:['’-][^\W\d_]+)*"
_CLOSINGS = (
    *(
        "regards",
        "best",
        "cheers",
        "sincerely",
        "truly",
        "faithfully",
        "thank",
        "thx",
        "respectfully",
        "take care",
    ),
    *(
        "grüße",
        "gruß",
        "mfg",
        "lg",
        "vg",
        "cordialement",
        "bien à vous",
        "amicalement",
        "salutations",
        "saludo",
    ),
    *("atentamente", "saluti", "atenciosamente", "cumprimentos", "abraço", "groet", "mvg"),
)
_NAME_CUES: tuple[Rule, ...] = (
    rule(
        "name",
        (
            rf"(?<![\w.])(?:(?:{_TITLES})\b\.?[ \t]+)(?:(?:Dr|Prof|Dipl|Ing"
            rf"|med)\b\.?(?:-Ing\.)?[ \t]+)*(?:{PARTICLE} )?{FULL}"
        ),
        check=_is_name,
    ),
    rule(
        "name",
        (
            rf"(?<![\w])(?i:{_INTRO})[ \t]+(?:(?:Dr|Mr|Mrs|Ms"
            rf"|Prof)\.? )?(?P<v>{FULL})(?![\w@/])(?! (?i:is|was|error|server|team)\b)"
        ),
        "name",
        "i'm",
        "i’m",
        "i am",
        "this is",
        "it's",
        "it’s",
        "call",
        "ich ",
        "heiße",
        "heisse",
        "appelle",
        "je suis",
        "nom ",
        "llamo",
        "nombre",
        "soy ",
        "chiamo",
        "sono",
        "nome",
        "chamo",
        "sou ",
        "heet",
        "naam",
        "ik ben",
        "heter",
        "nazywam",
        check=_is_name,
        around=100,
    ),
    rule(
        "name",
        (
            rf"(?i)\b(?:{_FIRM_INTRO})[ \t]+(?P<v>(?!the\b|not\b){_LOWER}(?: (?!and\b|i\b|from\b"
            rf"|i['’]?m\b|my\b|the\b|with\b|at\b|of\b|in\b|on\b|but\b|or\b|und\b|ich\b|aus\b|et\b"
            rf"|y\b|e\b|en\b|ik\b|je\b|con\b|van\b(?! )|please\b|calling\b|here\b|for\b|to\b|is\b"
            rf"|was\b|a\b|as\b){_LOWER}){{0,2}})"
        ),
        "name",
        "heiße",
        "heisse",
        "appelle",
        "nom est",
        "llamo",
        "nombre",
        "chiamo",
        "nome",
        "chamo",
        "heet",
        "naam",
        "call me",
        "heter",
        check=_is_name,
        around=100,
    ),
    rule(
        "name",
        (
            rf"(?im)(?:^|[\"'|{{,;>(\[\t]|\s)(?:{_FIELD})[\"']?[ \t]*(?:\([^)\n]{{1,20}}\))?[ "
            rf"\t]*[:=|][ \t]*[\"']?(?-i:(?P<v>(?:[{_U}]{{2,}}, (?={WORD}))?(?:(?:Dr|Mr|Mrs|Ms|Prof"
            rf"|Herr|Frau)\.? )?{FULL}))(?=[ \t]*(?:[\"'<,;|(}}\])\n/]|$|\.(?:\s|$)| -|\t| (?:and"
            rf"|und|et|y|e|en|on|at|from)\b))"
        ),
        ":",
        "=",
        "|",
        check=_is_name,
        around=100,
    ),
    rule(
        "name",
        (
            rf"(?m)(?:^|,|\"|\bFrom:|\bTo:|\bCc:)[ \t]*[\"']?(?P<v>{WORD}(?:,? "
            rf"{WORD}){{1,3}})[\"']?[ \t]*(?:<|\()[\w.+-]+@"
        ),
        "@",
        check=_is_name,
    ),
    rule(
        "name",
        (
            rf"(?i)\b(?:{_CLOSING})[,.!]?[ \t]*\n{{1,2}}[ \t]*(?:-{{1,2}}[ "
            rf"\t]?)?(?-i:(?P<v>{FULL}))(?=[ \t]*(?:\n|$|,|\||\())"
        ),
        *_CLOSINGS,
        check=_is_name,
        around=100,
    ),
    rule(
        "name",
        rf"(?im)\b(?:{_CLOSING}),[ \t]+(?-i:(?P<v>{FULL}))[.!]?[ \t]*$",
        *_CLOSINGS,
        check=_is_name,
        around=100,
    ),
    rule(
        "name",
        (
            rf"(?im)(?:^|[\n.!?(>:][ \t]*|\"|: )(?:{_GREETING}),?[ \t]+(?-i:(?P<v>{WORD}(?:[ "
            rf"\t]{WORD}){{0,2}}))(?=[ \t]*(?:,|!|:|\.|\n|$|;| -| –))"
        ),
        check=_is_name,
    ),
    rule(
        "name",
        rf"(?m)^[ \t]*[-–—~]{{1,2}}[ \t]?(?P<v>{WORD}(?:[ \t]{WORD}){{0,2}})[ \t]*$",
        "--",
        "- ",
        "—",
        "–",
        "~",
        check=_is_name,
        around=100,
    ),
    rule(
        "name",
        (
            r"(?i)\b(?:i['’]?m|this is|i am|it['’]s) (?-i:(?P<v>[a-z]{2,}(?: [a-z]{2,}(?= from"
            r"| calling| here| speaking)|(?= speaking| calling)))) "
        ),
        "i'm",
        "i’m",
        "this is",
        "i am",
        "it's",
        "it’s",
        check=_is_name,
        around=100,
    ),
    rule(
        "name",
        rf"(?im)^\[?(?:\d{{1,2}}[:.]\d\d(?::\d\d)?(?:\s?[ap]m)?)\]?[ \t]+<?(?-i:(?P<v>{FULL}))>?:",
        ":",
        check=_is_name,
        around=100,
    ),
)

NAME_CUES = Group(_NAME_CUES)
