"""The prompt registry: versions that never change, and labels that say which one answers."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from contracts.envelope import Context, derived_id
from contracts.gateway.prompts import (
    LabelledPrompt,
    PromptMovedV1,
    PromptParameters,
    PromptRegisteredV1,
)
from services.gateway.models.principal import Principal
from services.gateway.models.prompt import (
    BUILT_IN,
    CANARY,
    LABELS,
    PRODUCTION,
    SHADOW,
    VERSIONS_MAX,
    Arm,
    Elsewhere,
    Label,
    Labelled,
    Labels,
    Move,
    Parameters,
    PromptVersion,
    WentBack,
    arm_of,
    shadow_of,
)
from services.gateway.models.refusals import InvalidRequest, NotFound, NotPossible
from services.gateway.models.tenant import TenantSettings, offered
from services.gateway.services.ports import PromptRegistry
from services.gateway.services.spending.tenants import Tenants
from shared.late import Remembered
from shared.ports import Clock, Publisher
from shared.tokens import estimated_tokens

TOPIC = "turns"
_BEGINNING = datetime.min.replace(tzinfo=UTC)
_SHARES = {
    CANARY: "Say which per cent of conversations the canary answers.",
    SHADOW: "Say which per cent of production's turns the shadow answers too.",
}


@dataclass(frozen=True)
class Prompts:
    """`models` are those of a tenant that has no list of its own. `answer_tokens` bounds
    `max_tokens`; of `prompt_tokens` a system text may take half.

    Every version is told to the archive before it is kept here: none that can answer is missing
    there.
    """

    store: PromptRegistry
    publisher: Publisher
    tenants: Tenants
    clock: Clock
    models: tuple[str, ...]
    answer_tokens: int
    prompt_tokens: int
    monotonic: Callable[[], float] = time.monotonic

    @cached_property
    def _known(self) -> "Remembered[Labels]":
        return Remembered(self.store.labels, self.monotonic)

    async def arm(self, tenant: str, conversation_id: str) -> Arm:
        """Which version answers in the conversation. Labels are a moment old at most.

        Raises Unavailable: another version would be no answer of this tenant.
        """
        return arm_of(await self._known.of(tenant), tenant, conversation_id)

    async def shadow(self, tenant: str, turn_id: str) -> Arm | None:
        """Which version answers production's turn once more; None: none. Raises Unavailable."""
        return shadow_of(await self._known.of(tenant), tenant, turn_id)

    async def list(self, tenant: str) -> tuple[Sequence[PromptVersion], Labels]:
        """Versions, the newest first, and the labels. Raises Unavailable."""
        versions = list(await self.store.versions(tenant))
        if all(one.version != BUILT_IN.version for one in versions):
            versions.append(BUILT_IN)
        versions.sort(key=lambda one: (one.registered_at or _BEGINNING, one.version), reverse=True)
        return versions, await self.store.labels(tenant)

    async def register(
        self, who: Principal, name: str, text: str, parameters: Parameters
    ) -> PromptVersion:
        """The same text and parameters are the same version. Returns when the archive is sure to
        have it. Raises InvalidRequest, NotPossible, TenantDeleted, LedgerMissing or Unavailable.
        """
        settings = await self.tenants.of(who.tenant)
        if parameters.model is not None:
            model = self._offered(settings, parameters.model, "parameters.model")
            parameters = parameters.model_copy(update={"model": model})
        version = PromptVersion.of(name, text, parameters, self.clock.now())
        self._check(version)
        known = await self.store.version(who.tenant, name, version.version)
        if known is not None:
            return known
        if await self.store.count(who.tenant) >= VERSIONS_MAX:
            raise NotPossible(
                f"The tenant has {VERSIONS_MAX} versions, which is the most. Use one of them."
            )
        await self._keep(who, BUILT_IN)
        if version.version == BUILT_IN.version:
            return BUILT_IN
        await self._keep(who, version)
        return version

    async def move(
        self,
        who: Principal,
        place: tuple[str, Label],
        version: str | None,
        weight: float | None,
        *,
        expects: str | None = None,
        compares: bool = False,
    ) -> Labelled | None:
        """Puts a label at a version, None: takes it away; with `compares` only from `expects`.

        Returns when the archive is sure to hear of it; every gateway goes by it within seconds.
        Raises Elsewhere, NotFound, InvalidRequest, TenantDeleted, LedgerMissing or Unavailable.
        """
        name, label = place
        weight = _checked_weight(label, version, weight)
        settings, now = await self.tenants.of(who.tenant), self.clock.now()
        labelled = None
        if version is not None:
            found = await self._version(who, name, version)
            if found.parameters.model is not None:
                self._offered(settings, found.parameters.model, "version")
            labelled = Labelled(name=name, label=label, version=found, weight=weight, moved_at=now)
        move = Move(
            *(name, label, version, weight, labelled),
            compares=compares,
            expects=expects,
            who=who.user,
            moved_at=now,
        )
        try:
            await self.store.move(who.tenant, move)
        except Elsewhere:
            # It may stand there by the caller's own move, of which the archive has not heard.
            await self.tell(who.tenant)
            raise
        self._known.forget(who.tenant)
        await self.tell(who.tenant)
        return labelled

    async def take_back(self, tenant: str, canary: Labelled, reason: str) -> bool:
        """Takes the canary's label away, of the gateway's own accord; `tell` tells the archive.

        False: it stands elsewhere by now. Raises Unavailable.
        """
        at, now = canary.version.version, self.clock.now()
        back = WentBack(version=at, reason=reason, moved_at=now)
        away = Move(
            *(canary.name, CANARY, None, None, None),
            compares=True,
            expects=at,
            back=back,
            moved_at=now,
        )
        try:
            await self.store.move(tenant, away)
        except Elsewhere:
            return False
        self._known.forget(tenant)
        return True

    async def tell(self, tenant: str) -> None:
        """Tells the archive of all moves of which it has not heard. Raises Unavailable; then the
        next round of `Arms` tells."""
        for moved in await self.store.untold(tenant):
            context = Context(tenant=tenant, principal=moved.who)
            event_id = derived_id(tenant, "PromptMoved", moved.revision)
            message = PromptMovedV1(**moved.model_dump(exclude={"who"}))
            await self.publisher.publish_now(TOPIC, message, context, id=event_id)
            await self.store.told(tenant, moved.revision)

    async def _version(self, who: Principal, name: str, version: str) -> PromptVersion:
        found = await self.store.version(who.tenant, name, version)
        if found is None and version == BUILT_IN.version:
            await self._keep(who, BUILT_IN)
            return BUILT_IN
        if found is None:
            raise NotFound("There is no such version. Register it with POST /v1/prompts.")
        return found

    async def _keep(self, who: Principal, version: PromptVersion) -> None:
        if await self.store.version(who.tenant, version.name, version.version) is None:
            context = Context(tenant=who.tenant, principal=who.user)
            event_id = derived_id(who.tenant, "PromptRegistered", version.name, version.version)
            message = registered(version)
            await self.publisher.publish_now(TOPIC, message, context, id=event_id)
            await self.store.add(who.tenant, version)

    def _offered(self, settings: TenantSettings, wanted: str, field: str) -> str:
        """The model by the name that the tenant's list has for it. Raises InvalidRequest."""
        models = settings.models or self.models
        model = offered(models, wanted)
        if model is None:
            raise InvalidRequest(
                field,
                f"'{wanted}' is none of the tenant's models: {', '.join(models)}. An operator"
                " adds it at the end of `models` with PUT /v1/admin/tenants/{tenant}.",
            )
        return model

    def _check(self, version: PromptVersion) -> None:
        """Raises InvalidRequest."""
        longest = version.parameters.max_tokens or 0
        if longest > self.answer_tokens:
            raise InvalidRequest(
                "parameters.max_tokens", f"An answer has {self.answer_tokens} tokens at most here."
            )
        if estimated_tokens(version.system) > self.prompt_tokens // 2:
            raise InvalidRequest(
                "system",
                "The text leaves too little room for sources: make it shorter than about"
                f" {self.prompt_tokens // 2} tokens.",
            )


def registered(version: PromptVersion) -> PromptRegisteredV1:
    return PromptRegisteredV1(
        name=version.name,
        version=version.version,
        system=version.system,
        parameters=PromptParameters(**version.parameters.model_dump()),
        registered_at=version.registered_at,
    )


def version_of(message: PromptRegisteredV1) -> PromptVersion:
    """What `message` tells; fields that are not known here are left out."""
    given = {name: getattr(message.parameters, name) for name in Parameters.model_fields}
    return PromptVersion(
        name=message.name,
        version=message.version,
        system=message.system,
        parameters=Parameters(**given),
        registered_at=message.registered_at,
    )


def labelled_of(message: LabelledPrompt) -> Labelled:
    """A label as the archive knows it; it is one of LABELS."""
    moved = message.moved
    return Labelled(
        name=moved.name,
        label=LABELS[moved.label],
        version=version_of(message.registered),
        weight=moved.weight,
        moved_at=moved.moved_at,
    )


def _checked_weight(label: Label, version: str | None, weight: float | None) -> float | None:
    """Raises InvalidRequest."""
    if version is None or label == PRODUCTION:
        if weight is not None:
            raise InvalidRequest(
                "weight", "Only `canary` or `shadow` at a version has a weight: leave it out."
            )
        return None
    if weight is None:
        raise InvalidRequest("weight", _SHARES[label])
    return weight
