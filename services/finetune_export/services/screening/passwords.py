"""Passwords and tokens that a word beside them gives away."""

import re

from services.finetune_export.services.screening.key_shapes import entropy, is_random
from services.finetune_export.services.screening.rule import Group, Rule, near, rule

# Words for secrets that people choose, and that machines issue, in English,
# German, French, Spanish, Italian, Portuguese, Dutch.
_CHOSEN = (
    r"pass ?words?|passwd|pass ?phrase|pass(?:code|key|wort|wd)|pwd|pwds|psw|pw|passw|pass"
    r"|kennwort|kennwörter|zugangscode"
    r"|mot de passe|mdp|contrase[ñn]a|clave|palavra[- ]passe|senha|wachtwoord"
    r"|parola d['’]ordine|parola chiave"
)
_ISSUED = (
    r"(?:api|access|secret|private|auth|account|encryption|signing|master|license|licence"
    r"|shared|service|session|deploy|admin|storage|consumer|app|client|bearer|refresh|bot"
    r"|webhook|personal access|hmac|ssh|write|root)[ _-]?(?:key|token|secret|pass(?:word)?"
    r"|pat|hash|cookie)s?"
    r"|(?:wi-?fi|wlan|wpa2?|network) (?:key|code|schlüssel)|apikey|secret|token"
    r"|credentials?|creds|otp|pin(?: ?code| ?number)?|recovery code"
    r"|security code|cvv2?|cvc2?|backup code|seed phrase|jwt|csrf|session[ _-]?id"
    r"|sessionid|phpsessid|jsessionid|api[- ]?schlüssel|schlüssel|geheimnis|cl[eé] (?:api"
    r"|secr[eè]te|d['’]acc[eè]s)|jeton|chiave|chave|sleutel|clave api|llave"
)
# The word begins there, also inside of `dbPassword` and `dbpassword`.
_BEFORE = (
    r"(?i)(?:(?<![a-z])|(?<=[a-z])(?-i:(?=[A-Z]))|(?=passw|passphrase|secret|token|apikey"
    r"|kennwort))"
)
_IS = (
    r"(?:is now|is still|is|was|to|=|are|as|ist|lautet|lauten|est|es|era|é|è|war|heißt"
    r"|wordt|are now|will be)"
)
_VALUE = r"[^\s\"'`<>]{3,200}"
# Words that stand where a value would, and code that fetches one.
NOT_A_VALUE = re.compile(
    r"(?i)(?:none|null|nil|true|false|undefined|required|optional|string|str|text|int"
    r"|integer|bytes|bool|any|object"
    r"|incorrect|wrong|invalid|expired|missing|empty|reset|changed?|correct|valid|leaked"
    r"|lost|forgotten|stolen|blocked|locked|not|set|too"
    r"|same|following|always|never|also|encrypted|hashed|hidden|redacted|masked|removed"
    r"|secret|password|token|type"
    r"|credentials?|username|value|default|example|placeholder|self|this|that|your|their"
    r"|our|the|falsch|abgelaufen|ungültig|incorrecta?|errat[oa]"
    r"|expir[eé]e?|self\.\w+|\*+|x{3,}|\.{3,}|•+|-+|_+|\?+|input|prompt|getpass|stdin|file"
    r"|env|vault|config|settings"
    r"|(?:your|my|the|a|an|some|new|old|enter|insert|example|test"
    r"|dummy)[-_ ]?\w*(?:password|secret|token|key|here|pass|value)\w*"
    r"|[\w.]*(?:os\.environ|getenv|process\.env|secrets\.|config\.|settings\.|env\."
    r"|vault\.|self\.|request\.|args\.|params\.)[\w.\[\]()'\"-]*"
    r"|[$%{<\[(&@#].*[}>)\]%]?|\w+\([^)]*\)?.*|[a-z_]+(?:\.[a-z_]+)+|\w+:|\w+\[.*)[.,;:!?)]*"
)


def _is_secret(value: str) -> bool:
    """Looks like what people and generators choose: not a plain word, not a stand-in."""
    core = value.rstrip(".,;:!?)")
    if len(core) < 4 or NOT_A_VALUE.fullmatch(core):
        return False
    mixed = any(c.isupper() for c in core[1:]) and any(c.islower() for c in core)
    odd = re.search(r"[^\w.,'’-]", core[:-1]) is not None
    return (
        any(c.isdigit() for c in core) or (mixed and not core.isalpha()) or odd or _is_camel(core)
    )


def _is_camel(core: str) -> bool:
    return len(core) >= 16 and core.isalnum() and entropy(core) > 3.6 and not core.islower()


def _is_assigned(value: str) -> bool:
    """After `:` or `=` a plain word may be the secret as well."""
    core = value.rstrip(".,;:!?)")
    return len(core) >= 4 and not NOT_A_VALUE.fullmatch(core)


def _is_quoted(value: str) -> bool:
    return _is_assigned(value) or (" " in value and len(value) > 7)


def _is_pin(value: str) -> bool:
    return len(value) >= 3


_STOP = r"(?=[\s\"'`<>,;)\]}]|[.!?](?:\s|$)|$)"
_WORDS = (
    *(
        "passw",
        "passc",
        "passk",
        "passp",
        "pass ",
        "pass:",
        "pass=",
        'pass"',
        "pass'",
        "_pass",
        "pwd",
    ),
    *(
        "pw",
        "psw",
        "kennw",
        "zugangsc",
        "mot de passe",
        "mdp",
        "contrase",
        "clave",
        "senha",
        "wachtw",
    ),
    *("parola", "palavra"),
)
_KEYS = (
    *("key", "token", "secret", "creds", "credential", "otp", "pin", "cvv", "cvc", "cv2", " code"),
    *(
        "seed phrase",
        "jwt",
        "csrf",
        "session",
        "sessid",
        "schlüssel",
        "geheimnis",
        "clé ",
        "cle ",
        "jeton",
    ),
    *("chiave", "chave", "sleutel", "llave", "clave", "_pat", "cookie", "hash"),
)

_SECRET_WORDS = "|".join(
    (
        *_WORDS,
        *_KEYS,
        "login",
        "log in",
        "user",
        "cred",
        "zugang",
        "ident",
        "acce",
        "inlog",
        "phrase",
        "mnemonic",
        "--",
        "</",
        " -p",
        " -a",
        "otp",
        "code",
    )
)

_PASSWORDS: tuple[Rule, ...] = (
    rule(
        "secret.password",
        (
            rf"{_BEFORE}(?:{_CHOSEN})(?:[_ -]?\w{{0,12}})?[\"'`]?\s*(?::=|=>|:|="
            rf"|->)\s*[\"'`](?P<v>[^\"'`\n]{{3,200}})[\"'`]"
        ),
        *_WORDS,
        around=260,
        check=_is_quoted,
    ),
    rule(
        "secret.password",
        (
            rf"{_BEFORE}(?:{_ISSUED})(?:[_ -]?\w{{0,12}})?[\"'`]?\s*(?::=|=>|:|="
            rf"|->)\s*[\"'`](?P<v>[^\s\"'`\n]{{6,300}})[\"'`]"
        ),
        *_KEYS,
        around=260,
        check=_is_secret,
    ),
    rule(
        "secret.password",
        rf"{_BEFORE}(?:{_CHOSEN})(?:[_-]?\w{{0,12}})?[\"'`]?(?:\s?\([^)\n]{{1,40}}\))?\s*"
        rf"(?::=|=>|:|=|->)\s*"
        rf"(?P<v>{_VALUE}?){_STOP}(?![ \t]+[a-z]+[ \t]+[a-z]+)",
        *_WORDS,
        around=260,
        check=_is_assigned,
    ),
    rule(
        "secret.password",
        (
            rf"{_BEFORE}(?:{_CHOSEN})(?:[_-]?\w{{0,12}})?[\"'`]?\s*(?::=|=>|:|="
            rf"|->)\s*(?P<v>{_VALUE}?){_STOP}"
        ),
        *_WORDS,
        around=260,
        check=_is_secret,
    ),
    rule(
        "secret.password",
        (
            rf"{_BEFORE}(?:{_ISSUED})(?:[_-]?\w{{0,12}})?[\"'`]?\s*(?::=|=>|:|="
            rf"|->)\s*(?P<v>{_VALUE}?){_STOP}"
        ),
        *_KEYS,
        around=260,
        check=lambda value: len(value) >= 6 and _is_secret(value),
    ),
    rule(
        "secret.password",
        rf"(?i)\b(?:{_CHOSEN}|{_ISSUED})\b(?: (?:for|of|to|on|für|de|del|van|vom|di|do"
        rf"|da) (?:[\w.@'’/-]+ ?){{1,4}})? {_IS}\s*:?\s*"
        rf"[\"'`“«]?(?P<v>[^\s\"'`“”«»<>]{{4,120}}?)[\"'`”»]?{_STOP}",
        *_WORDS,
        *_KEYS,
        around=260,
        check=_is_secret,
    ),
    rule(
        "secret.password",
        (
            rf"(?i)\b(?:{_CHOSEN}|pass)\b(?: {_IS})?\s*:?\s*[\"'`“«]"
            rf"(?P<v>[^\"'`“”«»\n]{{4,80}})[\"'`”»]"
        ),
        *_WORDS,
        around=260,
        check=lambda value: " " in value or _is_secret(value),
    ),
    rule(
        "secret.password",
        rf"{_BEFORE}(?:{_CHOSEN})=(?P<v>{_VALUE}?){_STOP}",
        *_WORDS,
        around=260,
        check=_is_assigned,
    ),
    rule(
        "secret.password",
        (
            rf"(?i)(?:\b|_)keys?\b[^\n:=]{{0,24}}?(?:\bis|\bist|\best|\bes|:"
            rf"|=)\s*[\"'`]?(?P<v>[A-Za-z0-9_/+.-]{{16,200}}?){_STOP}"
        ),
        "key",
        around=260,
        check=lambda value: _is_secret(value) and is_random(value) and entropy(value) > 3,
    ),
    rule(
        "secret.password",
        (
            rf"(?i)\b(?:{_CHOSEN}|{_ISSUED})\b,?(?:\s+-+>?)?\s+(?P<v>(?=\S*\d)"
            rf"(?=\S*[A-Za-z])[^\s\"'`<>=:]{{6,120}}?){_STOP}"
        ),
        *_WORDS,
        *_KEYS,
        around=260,
        check=lambda value: _is_secret(value) and _is_mixed_up(value),
    ),
    rule(
        "secret.password",
        r"(?i)\b(?:pin(?: ?code| ?number)?|otp|cvv2?|cvc2?|security code|one[- ]time (?:code"
        r"|password)|passcode|verification code|door code|alarm code)\b"
        r"(?: (?:is|ist|est|es|è|é|of|to|for (?:my|the) \w+(?: is)?"
        r"|number))*\s*[:=#]?\s*(?P<v>\d{3,8})(?![\d.,-]\d|\w)",
        *("pin", "otp", "cv", "code", "password"),
        check=_is_pin,
    ),
    rule(
        "secret.password",
        r"(?i)<(?:\w+:)?(?:password|passwd|pwd|secret|token|apikey|api_key)>(?P<v>[^<\s]{4,})</",
        "</",
        check=_is_assigned,
    ),
    rule(
        "secret.password",
        (
            r"(?i)(?:^|\s)(?:mysql|mysqldump|mariadb|psql|sshpass|redis-cli|mongo)\b[^\n"
            r"|]*?\s(?:-p|-a )(?P<v>[^\s'\"-][^\s'\"]{3,})"
        ),
        "-p",
        "-a",
        check=_is_secret,
    ),
    rule(
        "secret.password",
        r"(?i)--(?:password|passwd|pass|token|api-key|secret|pw)[= ](?P<v>[^\s'\"$<-][^\s'\"]{3,})",
        "--",
        check=_is_assigned,
    ),
    rule(
        "secret.password",
        (
            r"(?i)\b(?:login|log[- ]?in|user(?:name)?|credentials?|creds|zugangsdaten|zugang"
            r"|identifiants|acceso|accesso|acesso|inloggegevens)\b[^\n:=]{0,12}[:=]?\s*[\w.@+-]{2,"
            r"40}\s?(?:/|:|\|)\s?(?P<v>[^\s/|,;]{5,60})"
        )
        + _STOP,
        *("log", "user", "cred", "zugang", "ident", "acce", "inlog"),
        check=lambda value: _is_secret(value) and _is_mixed_up(value),
    ),
    rule(
        "secret.password",
        (
            r"(?i)\b(?:seed phrase|recovery phrase|mnemonic)\b[^\n:]{0,20}[:=]?\s*(?P<v>"
            r"(?:[a-z]{3,8}[ ,]+){11,23}[a-z]{3,8})"
        ),
        "phrase",
        "mnemonic",
    ),
    rule("secret.password", r"(?im)^(?:set-)?cookie:\s*(?P<v>[^\n]{8,})", "cookie"),
)


def _is_mixed_up(value: str) -> bool:
    """Letters with digits or signs in between, as in `Tr0ub4dor&3`; not `key2` or `CVE-2024`."""
    core = value.rstrip(".,;:!?)")
    return len(core) >= 6 and bool(
        re.search(r"[^\w.,'’/-]", core)
        or (
            re.search(r"\d", core)
            and entropy(core) > 2.4
            and not re.fullmatch(
                r"[A-Z]{2,5}-?\d+(?:-\d+)?|v?\d[\d.]*\w?|[a-z]+\d|\d+[a-z]{1,3}|[A-Za-z]+[-_]\d+",
                core,
            )
        )
    )


PASSWORDS = Group(_PASSWORDS, near(_SECRET_WORDS, 64, 280))
