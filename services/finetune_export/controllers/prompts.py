"""Prompts: archive a registered version, and a label that moved."""

from dataclasses import dataclass

from contracts.envelope import Context
from contracts.gateway.prompts import PromptMovedV1, PromptRegisteredV1
from services.finetune_export.models.archived_prompt import ArchivedMove, ArchivedVersion
from services.finetune_export.services.prompts import PromptArchiving
from shared.outcomes import Done, Outcome


@dataclass(frozen=True)
class PromptsController:
    archiving: PromptArchiving

    async def registered(self, message: PromptRegisteredV1, context: Context) -> Outcome:
        version = ArchivedVersion(
            tenant=context.tenant,
            name=message.name,
            version=message.version,
            body=message.model_dump(mode="json"),
        )
        await self.archiving.archive_version(version, context.principal)
        return Done()

    async def moved(self, message: PromptMovedV1, context: Context) -> Outcome:
        move = ArchivedMove(
            tenant=context.tenant,
            name=message.name,
            label=message.label,
            version=message.version,
            revision=message.revision,
            body=message.model_dump(mode="json"),
        )
        await self.archiving.archive_move(move, context.principal)
        return Done()
