"""Secrets that show by their shape: keys with a known prefix, tokens, headers, URLs, PEM blocks."""

import base64
import binascii
import math
import re
from collections import Counter

from services.finetune_export.services.screening.rule import Group, Rule, near, rule

_API = "secret.api_key"
_B = r"(?<![A-Za-z0-9_])"
_E = r"(?![A-Za-z0-9_])"
_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def entropy(value: str) -> float:
    """Shannon's, in bits a character."""
    counts = Counter(value)
    return -sum(n / len(value) * math.log2(n / len(value)) for n in counts.values())


def is_random(value: str) -> bool:
    """Digits among the letters, or mixed case without words: what a generator writes."""
    return any(c.isdigit() for c in value) and entropy(value) > 2.5


def _is_mixed(value: str) -> bool:
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(any(kind(c) for c in value) for kind in kinds) and entropy(value) > 3.5


def _is_basic(value: str) -> bool:
    """Whether it is `Basic` with user:password in base64."""
    token = value.split()[-1]
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded or any(c.isdigit() for c in token)


def _is_filled_in(value: str) -> bool:
    """Not `${PASSWORD}`, `<password>`, `***`: those stand for a secret that is elsewhere."""
    userinfo = value.split("://", 1)[-1].rsplit("@", 1)[0]
    secret = userinfo.partition(":")[2] or userinfo
    return not re.fullmatch(r"[$%<{\[*x.].*|.*[>}\]]", secret)


# Vendors whose keys are a fixed prefix and a random rest: prefix, characters, least length.
_WORD, _DASHED, _HEX = "[A-Za-z0-9]", "[A-Za-z0-9_-]", "[0-9a-fA-F]"
_PREFIXED: tuple[tuple[str, str, str, int], ...] = (
    ("secret.github_token", "gh[pousr]_", _WORD, 30),
    ("secret.github_token", "github_pat_", "[A-Za-z0-9_]", 30),
    ("secret.gitlab_token", "gl(?:pat|dt|ptt|rt|cbt|ft|soat|imt|agent|oas|ffct)-", "[\\w=.-]", 18),
    ("secret.gitlab_token", "GR1348941", _DASHED, 18),
    ("secret.slack_token", "xox[abeoprs](?:\\.xox[bp])?-", "[A-Za-z0-9-]", 10),
    ("secret.slack_token", "xapp-\\d-", "[A-Za-z0-9-]", 10),
    ("secret.stripe_key", "(?:sk|rk|pk)_(?:live|test|prod)_", _WORD, 10),
    ("secret.stripe_key", "whsec_", "[A-Za-z0-9+/=]", 20),
    ("secret.google_key", "AIza", _DASHED, 30),
    ("secret.google_key", "ya29\\.", "[A-Za-z0-9._-]", 20),
    ("secret.google_key", "GOCSPX-", _DASHED, 20),
    ("secret.google_key", "1//0", _DASHED, 30),
    ("secret.anthropic_key", "sk-ant-", _DASHED, 20),
    ("secret.openai_key", "sk-(?:proj|svcacct|admin|None|or-v1)-", _DASHED, 16),
    (_API, "npm_", _WORD, 30),
    (_API, "pypi-AgE", _DASHED, 16),
    (_API, "SG\\.", "[A-Za-z0-9._-]", 30),
    (_API, "hf_", _WORD, 20),
    (_API, "api_org_", _WORD, 20),
    (_API, "(?:SK|AC)(?=[0-9a-f]{32}(?![0-9a-f]))", "[0-9a-f]", 32),
    (_API, "key-(?=[0-9a-f]{32})", "[0-9a-f]", 32),
    (_API, "dapi", "[0-9a-f-]", 32),
    (_API, "do[opr]_v1_", "[0-9a-f]", 32),
    (_API, "shp(?:at|ss|ca|pa|tka)_", _HEX, 20),
    (_API, "sq0[a-z]{3}-", _DASHED, 20),
    (_API, "EAA", _WORD, 40),
    (_API, "NR(?:AK|JS|RA|II|AA)-", _DASHED, 18),
    (_API, "sntry[su]_", "[A-Za-z0-9_=+/-]", 30),
    (_API, "lin_(?:api|oauth)_", _WORD, 30),
    (_API, "(?:secret_|ntn_)(?=[A-Za-z0-9]{40})", _WORD, 40),
    (_API, "pat(?=[A-Za-z0-9]{14}\\.)", "[A-Za-z0-9.]", 50),
    (_API, "fig[dor]_", _DASHED, 30),
    (_API, "PMAK-", "[A-Za-z0-9-]", 40),
    (_API, "dp\\.(?:pt|st|ct|sa|scim|audit)\\.", "[A-Za-z0-9._-]", 30),
    (_API, "hv[sbr]\\.", _DASHED, 20),
    (_API, "gl(?:sa|c)_", "[A-Za-z0-9_=+/-]", 30),
    (_API, "pul-", "[0-9a-f]", 32),
    (_API, "rubygems_", "[0-9a-f]", 32),
    (_API, "cio(?=[A-Za-z0-9]{32}(?![A-Za-z0-9]))", _WORD, 32),
    (_API, "dckr_(?:pat|oat)_", _DASHED, 20),
    (_API, "AT(?:ATT3|CTT3|BB)", "[A-Za-z0-9_=-]", 20),
    (_API, "sl\\.(?:u\\.)?", _DASHED, 60),
    (_API, "A{10,}", "[A-Za-z0-9%]", 40),
    (_API, "(?:gsk|r8|pcsk|pplx|xai|nvapi|fw|tgp_v1|csk|jina)[_-]", _DASHED, 30),
    (_API, "lsv2_(?:pt|sk)_", "[A-Za-z0-9_]", 30),
    (_API, "(?:sbp|sb_secret)_", _DASHED, 20),
    (_API, "pscale_(?:tkn|pw|oauth)_", "[A-Za-z0-9_.=-]", 20),
    (
        _API,
        "(?:vc[a-z]|vercel|nfp|figd|rnd|tfp|pnu|rdme|ico|shippo_live|shippo_test)_",
        _DASHED,
        24,
    ),
    (_API, "FlyV1 fm\\d_", "[A-Za-z0-9+/=,_]", 40),
    (_API, "(?:EZAK|EZTK)", _WORD, 40),
    (_API, "FLW(?:SEC|PUB)K(?:_TEST)?-", "[A-Za-z0-9-]", 20),
    (_API, "rzp_(?:live|test)_", _WORD, 14),
    (_API, "access-(?:sandbox|development|production)-", "[0-9a-f-]", 36),
    (_API, "access_token\\$(?:production|sandbox)\\$", "[0-9a-z$]", 30),
    (_API, "[pst]k\\.eyJ", "[A-Za-z0-9._-]", 40),
    (_API, "(?:sdk|api|mob)-(?=[0-9a-f]{8}-)", "[0-9a-f-]", 36),
    (_API, "pat-(?:na|eu)\\d-", "[0-9a-f-]", 36),
    (_API, "CFPAT-", _DASHED, 40),
    (_API, "dt0[a-z]\\d{2}\\.", "[A-Z0-9.]", 60),
    (_API, "AKC[a-zA-Z0-9]", _WORD, 60),
    (_API, "cmVmdGtu", _WORD, 50),
    (_API, "sq[pua]_", "[0-9a-f]", 40),
    (_API, "ops_eyJ", "[A-Za-z0-9_=+/-]", 60),
    (_API, "tskey-(?:auth|api|client|scim|webhook)-", _DASHED, 16),
    (_API, "LTAI", _WORD, 12),
    (_API, "AKID", _WORD, 13),
    (_API, "xkeysib-", "[A-Za-z0-9-]", 40),
    (_API, "AGE-SECRET-KEY-1", "[0-9A-Z]", 50),
    (_API, "[A-Za-z0-9]{14}\\.atlasv1\\.", "[A-Za-z0-9_=-]", 50),
    (_API, "CLOJARS_", "[a-z0-9]", 50),
    (_API, "oy2(?=[a-z0-9]{43}(?![a-z0-9]))", "[a-z0-9]", 43),
    (_API, "y0_", _DASHED, 40),
    (_API, "HRKU-", "[A-Za-z0-9_-]", 30),
    ("secret.private_key", "[KL5](?=[1-9A-HJ-NP-Za-km-z]{50,51}(?![A-Za-z0-9]))", _WORD, 50),
    ("secret.private_key", "xprv", _WORD, 100),
)
_LITERAL = re.compile(r"^[A-Za-z0-9_-]+")


def _needles(prefix: str) -> tuple[str, ...]:
    """The literal beginning of the prefix, if that is telling enough to look for first."""
    literal = _LITERAL.match(prefix)
    begun = literal.group().lower() if literal else ""
    if literal and prefix[literal.end() : literal.end() + 1] in ("?", "{", "*"):
        begun = begun[:-1]
    return (begun,) if len(begun) >= 2 else ()


_BLOCKS: tuple[Rule, ...] = (
    rule(
        "secret.private_key",
        r"-----BEGIN[A-Z0-9 ]* PRIVATE KEY(?: BLOCK)?-----(?:(?!-----BEGIN).)*?"
        r"(?:-----END[A-Z0-9 ]* PRIVATE KEY(?: BLOCK)?-----|\Z|(?=\n\n\S+ \S))",
        "private key",
        flags=re.DOTALL,
    ),
    rule(
        "secret.private_key",
        r"PuTTY-User-Key-File-\d:.*?(?:Private-MAC: \w+|\Z)",
        "putty-user-key",
        flags=re.DOTALL,
    ),
    rule(
        "secret.webhook",
        r"https://(?:hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[\w/+-]{15,}"
        r"|(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/[\w-]{20,}"
        r"|[\w.-]+\.webhook\.office\.com/webhookb2/[\w@/-]{20,}"
        r"|outlook\.office\.com/webhook/[\w@/-]{20,}"
        r"|hooks\.zapier\.com/hooks/catch/[\w/-]{8,}"
        r"|hook\.[\w.]*(?:make|integromat)\.com/\w{16,}"
        r"|maker\.ifttt\.com/trigger/\w+/(?:json/)?with/key/[\w-]{10,}"
        r"|chat\.googleapis\.com/v1/spaces/\S+?key=[\w-]+\S*"
        r"|[\w.-]+\.logic\.azure\.com\S+?sig=[\w%-]+"
        r"|events\.pagerduty\.com/integration/[0-9a-f]{20,}/enqueue"
        r"|api\.telegram\.org/bot\d+:[\w-]{30,}(?:/\w+)?)",
        "https://",
    ),
    rule(
        "secret.connection_string",
        r"(?i)(?<![a-z0-9])(?:jdbc:)?(?:postgres(?:ql)?|mysql|mariadb|mongodb|redis|rediss|amqps?"
        r"|mssql|sqlserver|oracle|clickhouse|cockroachdb|db2|ldaps?|smtps?|kafka|nats|neo4j|bolt"
        r"|elasticsearch|couchdb|cassandra|influxdb|memcached|mqtts?|imaps?|snowflake)"
        r"(?:\+[a-z0-9_]+)*://[^\s:/@\"'<>]*:[^\s\"'<>]+@[^\s\"'<>,;)\]]+"
        r"(?:,[\w.-]+:\d+[^\s\"'<>,;)\]]*)*",
        "://",
        check=_is_filled_in,
    ),
    rule(
        "secret.connection_string",
        r"(?i)\bjdbc:[a-z0-9:+]+(?://|:@)?[^\s\"'<>]*?[?;&](?:password|pwd)=[^\s\"'<>]+",
        "jdbc:",
    ),
    rule(
        "secret.connection_string",
        r"(?i)\b(?:server|data source|host|endpoint|driver|accountname|defaultendpointsprotocol"
        r"|user id|uid|username|database|initial catalog)\s?=[^;\n\"']+;"
        r"(?:[^;=\n\"']+=[^;\n\"']+;)*?"
        r"\s?(?:password|pwd|accountkey|sharedaccesskey|sharedaccesssignature)\s?="
        r"[^;\s\"']+(?:;\s?[A-Za-z ]+=[^;\n\"']+)*;?",
        "password",
        "pwd",
        "accountkey",
        "sharedaccess",
        check=lambda value: not re.search(r"(?i)(?:password|pwd|key)\s?=\s?[<{$%*]", value),
    ),
    rule(
        "secret.url_credentials",
        (
            r"(?i)(?<![a-z0-9])[a-z][a-z0-9+.-]{1,14}://[^\s:/@\"'<>?#]*:[^\s\"'<>/?#]+@[^\s\"'<>,"
            r")\]]+"
        ),
        "://",
        check=_is_filled_in,
    ),
    rule(
        "secret.url_credentials",
        r"https?://[0-9a-zA-Z_]{16,}@[^\s\"'<>,)\]]+",
        "://",
        check=lambda value: any(c.isdigit() for c in value),
    ),
    rule(
        "secret.url_credentials",
        r"(?i)https?://[^\s\"'<>?#]+[?#][^\s\"'<>]*?\b(?:access_token|token|api_?key|apikey|key|sig"
        r"|signature|x-amz-signature|x-amz-credential|password|passwd|pwd|secret|client_secret|auth"
        r"|id_token|refresh_token|code|session|sessionid|sid|jwt|reset|invite)="
        r"(?=[^&\s]*\d)[^&\s\"'<>{}$\[\]]{8,}(?:&[^\s\"'<>]*)?",
        "://",
    ),
    rule(
        "secret.auth_header",
        r"(?i)(?<![a-z])bearer\s+(?=[^\s\"']*\d)[A-Za-z0-9._~+/=-]{12,}",
        "bearer",
    ),
    rule(
        "secret.auth_header",
        r"(?i)(?<![a-z])basic\s+[A-Za-z0-9+/]{8,}={0,2}(?![A-Za-z0-9])",
        "basic",
        check=_is_basic,
    ),
    rule("secret.auth_header", r"(?i)\bauthorization:\s*(?:token|apikey|digest)\s+(?P<v>\S{8,})"),
    rule(
        _API,
        r"(?i)\bcurl\b[^\n]*?\s(?:-u|--user)[ =]?(?P<v>['\"]?[^\s:'\"$<]+:[^\s'\"$<]+['\"]?)",
        "curl",
    ),
)

_KEYS: tuple[Rule, ...] = (
    rule(
        "secret.aws_key",
        _B + r"(?:AKIA|ASIA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA|ABIA|ACCA)[A-Z0-9]{16}" + _E,
        *("akia", "asia", "agpa", "aida", "aroa", "aipa", "anpa", "anva", "abia", "acca"),
    ),
    Rule(
        "secret.aws_key",
        re.compile(r"(?<![A-Za-z0-9/+=_.-])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=_-])"),
        ("aws", "secret", "akia", "asia", "amazon", "s3"),
        _is_mixed,
        re.compile(r"(?i)aws|secret|akia|asia|amazon|\bs3\b|key"),
        160,
    ),
    rule(
        "secret.jwt",
        _B + r"ey[JI][A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*(?:\.[\w-]+){0,2}",
        "eyj",
        "eyi",
    ),
    rule("secret.azure_key", r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}==", "=="),
    rule("secret.azure_key", r"(?<![\w~.-])[\w~.-]{3}\dQ~[\w~.-]{31,37}", "q~"),
    rule("secret.azure_key", r"[?&](?P<v>s[vepr]=[^\s&]+&\S*?sig=[\w%+/=-]{20,}\S*)", "sig="),
    *(
        rule(kind, _B + f"{prefix}(?:{chars}){{{least},}}", *_needles(prefix))
        for kind, prefix, chars, least in _PREFIXED
    ),
    rule(
        "secret.openai_key",
        _B + r"sk-[A-Za-z0-9_-]{20,}",
        "sk-",
        check=lambda value: sum(c.isdigit() for c in value) > 1 and entropy(value) > 3,
    ),
    rule(_API, _B + r"[0-9a-f]{32}-us\d{1,2}" + _E, "-us"),
    rule(_API, _B + r"\d{8,10}:[A-Za-z0-9_-]{34,36}(?![\w-])", ":a"),
    rule(_API, _B + r"[MNO][A-Za-z\d_-]{22,27}\.[\w-]{6}\.[\w-]{27,40}(?![\w-])", "."),
)

BLOCKS = Group(_BLOCKS)
KEYS = Group(_KEYS, near(r"[a-z0-9_/+=.$:~-]{14,}", 8, 160))
