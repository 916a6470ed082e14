"""Reads a training set from S3 and checks it line by line, as the provider does; writes output."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from compose.local.bedrock.errors import ValidationError
from services.finetune_export.services.exporting.limits import ExportRefused, Limits, limits_of
from services.finetune_export.services.exporting.validating import Invalid, check_line

FORMATS = ("bedrock-conversation", "bedrock-prompt-completion", "bedrock-claude-3-haiku")
_URI = re.compile(r"s3://([^/]+)/(.+)")
# A line may ask for a failure in a phase, where failures may be asked for.
_FAULT = re.compile(r"\{\{fault:(\w+)\}\}")


class Refused(Exception):
    """The set is not accepted; the message names the place, never a line's words."""


@dataclass(frozen=True)
class Checked:
    """Lines and bytes of all files, and the failures that they ask for."""

    lines: int
    bytes: int
    faults: frozenset[str]


def format_of(base: str) -> tuple[str, Limits]:
    """Raises ValidationError for a model that cannot be fine-tuned."""
    for name in FORMATS:
        try:
            return name, limits_of(name, base)
        except ExportRefused:
            continue
    raise ValidationError("The provided model identifier does not support fine-tuning.")


@dataclass(frozen=True)
class SetFiles:
    """`s3` is aiobotocore's client."""

    s3: Any

    async def check(self, uris: Sequence[str], base: str) -> Checked:
        """As Bedrock does for a base model. Raises Refused."""
        return await self.check_as(uris, [format_of(base)])

    async def check_as(self, uris: Sequence[str], formats: Sequence[tuple[str, Limits]]) -> Checked:
        """All lines in one of the formats. Raises Refused, with what the last one finds."""
        bodies = [await self._body(uri) for uri in uris]
        for place, (name, limits) in enumerate(formats, 1):
            try:
                return await asyncio.to_thread(_checked, bodies, name, limits)
            except Refused:
                if place == len(formats):
                    raise
        raise AssertionError("no format was given")

    async def put(self, uri: str, body: bytes) -> None:
        """A file that a job puts out."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        await self.s3.put_object(Bucket=bucket, Key=key, Body=body)

    async def write(self, uri: str, body: bytes) -> None:
        """Raises Refused."""
        bucket, key = _place(uri)
        try:
            await self.s3.put_object(Bucket=bucket, Key=key, Body=body)
        except (ClientError, BotoCoreError) as error:
            raise Refused(f"{uri} cannot be written ({type(error).__name__})") from error

    async def _body(self, uri: str) -> bytes:
        bucket, key = _place(uri)
        try:
            answer = await self.s3.get_object(Bucket=bucket, Key=key)
            async with answer["Body"] as stream:
                body: bytes = await stream.read()
        except (ClientError, BotoCoreError) as error:
            raise Refused(f"{uri} cannot be read ({type(error).__name__})") from error
        return body


def _place(uri: str) -> tuple[str, str]:
    """Bucket and key. Raises Refused."""
    found = _URI.fullmatch(uri)
    if found is None:
        raise Refused(f"{uri} names no file")
    return found[1], found[2]


def _checked(bodies: Sequence[bytes], name: str, limits: Limits) -> Checked:
    faults, count = set[str](), 0
    for body in bodies:
        # As bytes: a text may hold ends of lines that are none of JSON Lines, such as U+2028.
        for number, raw in enumerate(body.splitlines(), 1):
            line, count = raw.decode(), count + 1
            faults |= {*_FAULT.findall(line)}
            try:
                check_line(line, name, limits)
            except Invalid as error:
                raise Refused(f"line {number}: {error}") from None
    if not limits.least <= count <= limits.most:
        raise Refused(f"{count} records; {limits.least} to {limits.most} are taken")
    return Checked(count, sum(map(len, bodies)), frozenset(faults))
