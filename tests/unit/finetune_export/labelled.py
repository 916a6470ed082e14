"""Reads labelled texts: a line of `sets/*.txt` is a text, `⟦class|value⟧` marks what must be found.

`\\n` in a line is a line break. `{aws}` and the like stand for made-up keys of a vendor's shape, so
that no key stands in the repository.
"""

import base64
import json
import random
import re
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.finetune_export.models.finding import Finding

SETS = Path(__file__).parent / "sets"
_WORD = string.ascii_letters + string.digits
_URL = _WORD + "-_"
_MARK = re.compile(r"⟦([a-z_.]+)\|(.*?)⟧", re.DOTALL)


@dataclass(frozen=True)
class Labelled:
    text: str
    findings: tuple[Finding, ...]


def read(name: str) -> list[Labelled]:
    random_ = random.Random(name)
    return [
        labelled(line, random_)
        for line in (SETS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("# ")
    ]


def labelled(line: str, random_: random.Random) -> Labelled:
    line = line.replace("\\n", "\n").replace("\\t", "\t")
    line = re.sub(r"\{([a-z_]+)\}", lambda m: MADE[m.group(1)](random_), line)
    text, findings, last = "", [], 0
    for mark in _MARK.finditer(line):
        text += line[last : mark.start()]
        findings.append(Finding(len(text), len(text) + len(mark.group(2)), mark.group(1)))
        text += mark.group(2)
        last = mark.end()
    return Labelled(text + line[last:], tuple(findings))


def _of(alphabet: str, length: int, prefix: str = "") -> Callable[[random.Random], str]:
    def make(random_: random.Random) -> str:
        return prefix + "".join(random_.choice(alphabet) for _ in range(length))

    return make


def _jwt(random_: random.Random) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    head, body = part({"alg": "HS256", "typ": "JWT"}), part({"sub": str(random_.random())})
    return f"{head}.{body}.{_of(_URL, 43)(random_)}"


def _pem(random_: random.Random) -> str:
    lines = "\n".join(_of(_WORD + "+/", 64)(random_) for _ in range(4))
    return f"-----BEGIN RSA PRIVATE KEY-----\n{lines}\n-----END RSA PRIVATE KEY-----"


def _basic(random_: random.Random) -> str:
    return base64.b64encode(f"svc:{_of(_WORD, 11)(random_)}".encode()).decode()


_LOWER, _HEX = string.ascii_lowercase + string.digits, "0123456789abcdef"
MADE: dict[str, Callable[[random.Random], str]] = {
    "aws": _of(string.ascii_uppercase + "234567", 16, "AKIA"),
    "sts": _of(string.ascii_uppercase + "234567", 16, "ASIA"),
    "aws_secret": _of(_WORD + "/+", 40),
    "github": _of(_WORD, 36, "ghp_"),
    "github_fine": lambda r: _of(_WORD, 22, "github_pat_")(r) + "_" + _of(_WORD, 59)(r),
    "github_app": _of(_WORD, 36, "ghs_"),
    "gitlab": _of(_URL, 20, "glpat-"),
    "slack": lambda r: (
        f"xoxb-{_of(string.digits, 12)(r)}-{_of(string.digits, 12)(r)}-{_of(_WORD, 24)(r)}"
    ),
    "slack_hook": lambda r: (
        f"https://hooks.slack.com/services/T"
        f"{_of(string.ascii_uppercase + string.digits, 8)(r)}/B"
        f"{_of(string.ascii_uppercase + string.digits, 8)(r)}/{_of(_WORD, 24)(r)}"
    ),
    "discord_hook": lambda r: (
        f"https://discord.com/api/webhooks/{_of(string.digits, 18)(r)}/{_of(_URL, 68)(r)}"
    ),
    "stripe": _of(_WORD, 24, "sk_" + "live_"),
    "stripe_restricted": _of(_WORD, 24, "rk_" + "test_"),
    "stripe_hook": _of(_WORD, 32, "whsec_"),
    "google": _of(_URL, 35, "AIza"),
    "google_secret": _of(_URL, 28, "GOCSPX-"),
    "openai": _of(_WORD, 48, "sk-"),
    "openai_project": _of(_URL, 74, "sk-proj-"),
    "anthropic": lambda r: _of(_URL, 93, "sk-ant-api03-")(r) + "AA",
    "npm": _of(_WORD, 36, "npm_"),
    "pypi": _of(_URL, 150, "pypi-AgEIcHlwaS5vcmc"),
    "azure": lambda r: _of(_WORD + "+/", 86)(r) + "==",
    "azure_secret": lambda r: _of(_WORD, 3)(r) + "8Q~" + _of(_URL, 34)(r),
    "sendgrid": lambda r: f"SG.{_of(_URL, 22)(r)}.{_of(_URL, 43)(r)}",
    "twilio": _of(_HEX, 32, "SK"),
    "huggingface": _of(string.ascii_letters, 34, "hf_"),
    "databricks": _of(_HEX, 32, "dapi"),
    "digitalocean": _of(_HEX, 64, "dop_v1_"),
    "shopify": _of(_HEX, 32, "shpat_"),
    "mailgun": _of(_HEX, 32, "key-"),
    "mailchimp": lambda r: _of(_HEX, 32)(r) + "-us12",
    "telegram": lambda r: f"{_of('123456789', 10)(r)}:AA{_of(_URL, 33)(r)}",
    "docker": _of(_URL, 27, "dckr_pat_"),
    "grafana": lambda r: f"glsa_{_of(_WORD, 32)(r)}_{_of(_HEX, 8)(r)}",
    "vault": _of(_URL, 90, "hvs."),
    "hex": _of(_HEX, 32),
    "hex_long": _of(_HEX, 64),
    "random": _of(_WORD, 24),
    "sha1": _of(_HEX, 40),
    "jwt": _jwt,
    "pem": _pem,
    "basic": _basic,
}


@dataclass(frozen=True)
class Score:
    """Recall by class and precision over all; `missed` and `wrong` are for people to read."""

    recall: dict[str, tuple[int, int]]
    precision: float
    missed: list[tuple[str, str, str]]
    wrong: list[tuple[str, str, str]]


def score(
    texts: Sequence[Labelled], find: Callable[[Sequence[str]], Sequence[Sequence[Finding]]]
) -> Score:
    """A span is found if 90 % of its letters and digits are covered, by whatever class."""
    recall: dict[str, tuple[int, int]] = {}
    missed, wrong = [], []
    right = total = 0
    for each, found in zip(texts, find([each.text for each in texts]), strict=True):
        covered = {i for f in found for i in range(f.start, f.end)}
        for want in each.findings:
            places = [i for i in range(want.start, want.end) if each.text[i].isalnum()]
            hit = sum(i in covered for i in places) >= 0.9 * len(places)
            n, of = recall.get(want.kind, (0, 0))
            recall[want.kind] = (n + hit, of + 1)
            if not hit:
                missed.append((want.kind, each.text[want.start : want.end], each.text))
        for f in found:
            total += 1
            if any(f.start < w.end and w.start < f.end for w in each.findings):
                right += 1
            else:
                wrong.append((f.kind, each.text[f.start : f.end], each.text))
    return Score(recall, right / max(total, 1), missed, wrong)
