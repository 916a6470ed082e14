"""A data key for each user, wrapped by KMS. Its object is the only copy.

Envelope encryption: KMS makes the key and wraps it with tenant and user as the encryption context.
"""

import base64
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from services.finetune_export.models.owner import Owner, keys_prefix
from services.finetune_export.store.objects import Objects
from shared.outage import outages_of

_REMEMBERED = 1_000


class UserKeys:
    """Keys have names that sort by age. Every method raises Unavailable."""

    def __init__(self, kms: Any, key_id: str, objects: Objects) -> None:
        self._kms, self._key_id, self._objects = kms, key_id, objects
        # By place, what KMS has unwrapped. Whoever uses it has seen that the place is not empty.
        self._unwrapped: OrderedDict[str, bytes] = OrderedDict()

    async def names(self, owner: Owner) -> list[str]:
        prefix = keys_prefix(owner)
        return [key.removeprefix(prefix) async for key in self._objects.keys(prefix)]

    async def newest(self, owner: Owner) -> tuple[str, bytes]:
        """Its name and itself; one is made when there is none.

        A key whose name is listed is there, and never another one: what is known of it holds.
        """
        for name in reversed(await self.names(owner)):
            key = self._unwrapped.get(_place(owner, name)) or await self.of(owner, name)
            if key is not None:
                return name, key
        return await self.make(owner)

    async def make(self, owner: Owner) -> tuple[str, bytes]:
        with outages_of("kms"):
            made = await self._kms.generate_data_key(
                KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=_context(owner)
            )
        known = await self.names(owner)
        count = int(known[-1].split("-")[0]) if known else 0
        name = f"{count + 1:010}-{uuid4()}"
        wrapped = base64.b64encode(made["CiphertextBlob"])
        await self._objects.put_new(_place(owner, name), wrapped)
        return name, self._remembered(_place(owner, name), made["Plaintext"])

    async def of(self, owner: Owner, name: str) -> bytes | None:
        """None: it was destroyed."""
        place = _place(owner, name)
        wrapped = await self._objects.read(place)
        if not wrapped:
            return None
        if place in self._unwrapped:
            return self._unwrapped[place]
        with outages_of("kms"):
            answer = await self._kms.decrypt(
                CiphertextBlob=base64.b64decode(wrapped), EncryptionContext=_context(owner)
            )
        return self._remembered(place, answer["Plaintext"])

    def _remembered(self, place: str, key: bytes) -> bytes:
        self._unwrapped[place] = key
        if len(self._unwrapped) > _REMEMBERED:
            self._unwrapped.popitem(last=False)
        return key

    async def destroy(self, owner: Owner, names: Iterable[str]) -> None:
        await self._objects.remove([_place(owner, name) for name in names])


def _context(owner: Owner) -> dict[str, str]:
    return {"tenant": owner.tenant, "user": owner.user}


def _place(owner: Owner, name: str) -> str:
    return f"{keys_prefix(owner)}{name}"
