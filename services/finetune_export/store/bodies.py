"""Bodies of turns and feedback, encrypted with their user's key where KMS is configured."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.finetune_export.models.archived_feedback import FEEDBACK_PREFIX
from services.finetune_export.models.archived_turn import TURNS_PREFIX
from services.finetune_export.models.owner import Cover, Owner, owner_of
from services.finetune_export.store.objects import Objects
from services.finetune_export.store.user_keys import UserKeys

# No JSON begins so.
_MAGIC = b"RAGOPS1\n"
_NONCE = 12
# Makes of a body what may stand in clear: ids and times.
Outline = Callable[[bytes], bytes]
Change = Callable[[bytes], bytes]


class Bodies:
    """`keys` None: bodies are written as they are. What was written so is read in either case.

    Whoever destroys keys makes a new one first and looks then what is to be kept; whoever writes
    looks afterwards whether its key is still the newest. One of the two sees the other, so nothing
    that is kept lies under a destroyed key. Every method raises Unavailable.
    """

    def __init__(self, objects: Objects, keys: UserKeys | None) -> None:
        self._objects, self._keys = objects, keys

    async def read(self, key: str) -> bytes | None:
        """None also when its key was destroyed."""
        body = await self._objects.read(key)
        if body is None:
            return None
        known = await self._known(key, body)
        return None if known is None else _opened(key, body, known)

    async def outline(self, key: str) -> bytes | None:
        """Needs no key; the whole body when it is not encrypted."""
        body = await self._objects.read(key)
        cover = _cover(body) if body else None
        return cover.outline.encode() if cover else body

    async def put_new(self, key: str, body: bytes, outline: Outline) -> bool:
        """False when it was there already, and can be read."""
        if self._keys is None:
            return await self._objects.put_new(key, body)
        while True:
            name, secret = await self._keys.newest(owner_of(key))
            closed = _closed(key, body, outline, name, secret)
            if not await self._objects.put_new(key, closed):
                if await self.read(key) is not None:
                    return False
                # What lies there can no longer be read: its key was destroyed.
                if not await self._objects.change(key, partial(_replaced, closed)):
                    continue
            await self._renew(key, name, secret)
            return True

    async def change(self, key: str, change: Change, outline: Outline) -> bool:
        """Whether there was something to change."""
        if self._keys is None:
            return await self._objects.change(key, change)
        while (body := await self._objects.read(key)) is not None:
            known = await self._known(key, body)
            if known is None:
                return False
            name, secret = await self._keys.newest(owner_of(key))
            close = partial(_closed, key, outline=outline, name=name, secret=secret)
            try:
                done = await self._objects.change(key, partial(_changed, key, known, change, close))
            except _OtherKey:
                continue
            if done:
                await self._renew(key, name, secret)
            return done
        return False

    async def _renew(self, key: str, name: str, secret: bytes) -> None:
        """Encrypts what was written with this key anew as long as there is a newer one."""
        assert self._keys is not None
        while (newest := await self._keys.newest(owner_of(key)))[0] != name:
            await self._objects.change(key, partial(_moved, key, (name, secret), newest))
            name, secret = newest

    async def keys_of(
        self, tenant: str, user: str | None
    ) -> AsyncIterator[tuple[Owner, list[str]]]:
        """The names of the keys of a user, or of all users of a tenant."""
        if self._keys is None:
            return
        users = {user} if user is not None else set[str]()
        if user is None:
            for prefix in (TURNS_PREFIX, FEEDBACK_PREFIX):
                users |= {one async for one in self._objects.folders(f"{prefix}{tenant}/")}
        for one in sorted(users):
            owner = Owner(tenant, one)
            yield owner, await self._keys.names(owner)

    async def destroy(
        self, owner: Owner, names: list[str], kept: Callable[[], Awaitable[list[str]]]
    ) -> None:
        """Encrypts the objects that are `kept` with a new key, then destroys the keys."""
        assert self._keys is not None
        fresh = await self._keys.make(owner)
        for key in await kept():
            for name in names:
                if secret := await self._keys.of(owner, name):
                    await self._objects.change(key, partial(_moved, key, (name, secret), fresh))
        await self._keys.destroy(owner, names)

    async def _known(self, key: str, body: bytes) -> dict[str, bytes] | None:
        """The key that the body needs, if any; None: it was destroyed."""
        cover = _cover(body)
        if cover is None:
            return {}
        secret = await self._secret(owner_of(key), cover.key)
        return None if secret is None else {cover.key: secret}

    async def _secret(self, owner: Owner, name: str) -> bytes | None:
        if self._keys is None:
            raise ValueError("The archive is encrypted. Set RAGOPS_ARCHIVE_KEY_ID to read it.")
        return await self._keys.of(owner, name)


class _OtherKey(Exception):
    """The object was encrypted with another key meanwhile."""


def _replaced(closed: bytes, _: bytes) -> bytes:
    return closed


def _changed(key: str, known: dict[str, bytes], change: Change, close: Change, raw: bytes) -> bytes:
    plain = _opened(key, raw, known)
    after = change(plain)
    return raw if after == plain else close(after)


def _moved(key: str, old: tuple[str, bytes], new: tuple[str, bytes], raw: bytes) -> bytes:
    """What lies under another key than the old one stays as it is."""
    cover = _cover(raw)
    if cover is None or cover.key != old[0]:
        return raw
    return _closed(key, _opened(key, raw, dict([old])), lambda _: cover.outline.encode(), *new)


def _cover(body: bytes) -> Cover | None:
    """None: it is not encrypted."""
    if not body.startswith(_MAGIC):
        return None
    return Cover.model_validate_json(body[len(_MAGIC) :].split(b"\n", 1)[0])


def _closed(key: str, body: bytes, outline: Outline, name: str, secret: bytes) -> bytes:
    """AES-256-GCM, bound to the object's key and to what stands in clear."""
    cover = Cover(key=name, outline=outline(body).decode()).model_dump_json().encode()
    nonce = os.urandom(_NONCE)
    closed = AESGCM(secret).encrypt(nonce, body, key.encode() + cover)
    return b"".join((_MAGIC, cover, b"\n", nonce, closed))


def _opened(key: str, body: bytes, known: dict[str, bytes]) -> bytes:
    """Raises ValueError when somebody else has changed the object."""
    cover = _cover(body)
    if cover is None:
        return body
    if cover.key not in known:
        raise _OtherKey
    head, _, rest = body[len(_MAGIC) :].partition(b"\n")
    nonce, closed = rest[:_NONCE], rest[_NONCE:]
    try:
        return AESGCM(known[cover.key]).decrypt(nonce, closed, key.encode() + head)
    except InvalidTag as error:
        raise ValueError(f"{key} was changed: it does not fit its key") from error
