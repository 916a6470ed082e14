"""Prints an access token: `python -m services.gateway.mint --tenant demo --user ann`."""

import argparse
import sys
from datetime import timedelta

from pydantic import ValidationError

from services.gateway.models.principal import SCOPES, Principal
from services.gateway.services.access import Access
from services.gateway.settings import GatewaySettings

_DEFAULT = "chat search documents:read documents:write"
_EPILOG = """scopes:
{scopes}

The token is signed with RAGOPS_TOKEN_SECRET (at least 32 bytes); the gateway must run with the same
secret. Until it expires, whoever holds the token is this user: keep it like a password.

example:
  RAGOPS_TOKEN_SECRET=... python -m services.gateway.mint --tenant demo --user ann \\
      --groups law,sales --scopes "chat search" --days 7
"""


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {scope:<16} {meaning}" for scope, meaning in SCOPES.items())
    parser = argparse.ArgumentParser(
        prog="python -m services.gateway.mint",
        description="Print an access token for the HTTP interface.",
        epilog=_EPILOG.format(scopes=listed),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tenant", required=True, help="whose documents: letters, digits, . _ -")
    parser.add_argument("--user", required=True, help="who asks; conversations belong to the user")
    parser.add_argument("--groups", default="", help="for documents that are shared with groups")
    parser.add_argument("--scopes", default=_DEFAULT, help=f"default: {_DEFAULT}")
    parser.add_argument("--days", type=float, default=30, help="until it expires (default: 30)")
    return parser


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    unknown = sorted(set(_words(given.scopes)) - SCOPES.keys())
    if unknown:
        parser.error(f"unknown scope {', '.join(unknown)}; known are {', '.join(SCOPES)}")
    if given.days <= 0:
        parser.error("--days must be above 0")
    try:
        secret = GatewaySettings().token_secret.get_secret_value()
        principal = Principal(
            tenant=given.tenant,
            user=given.user,
            groups=tuple(_words(given.groups)),
            scopes=frozenset(_words(given.scopes)),
        )
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        parser.error(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    sys.stdout.write(Access(secret).mint(principal, timedelta(days=given.days)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
