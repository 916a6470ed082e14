"""Memory as a whole: a turn goes in by its event and comes out by a request."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from compose.local.provision import provision
from contracts.envelope import Context
from contracts.gateway.turns import TurnCompletedV2
from contracts.memory.queries import (
    ContextAnsweredV1,
    ContextRequestedV1,
    ConversationsListedV1,
    ListConversationsV1,
)
from services.memory.bootstrap import bootstrap
from services.memory.settings import MemorySettings
from shared.messaging import BusPublisher, BusRequester, open_bus
from shared.testing.emulator import MOTO_ACCOUNT, own_prefix
from shared.testing.probe import until
from shared.testing.running import running
from tests.integration.memory.conftest import WordModel

CONTEXT = Context(tenant="acme", principal="ann")


def completed(n: int) -> TurnCompletedV2:
    at = datetime.now(UTC) + timedelta(seconds=n)
    return TurnCompletedV2(
        turn_id=f"t{n}",
        conversation_id="c1",
        question=f"question {n}",
        query=f"question {n}",
        answer=f"answer {n}",
        model="m",
        prompt_version="1",
        sources=(),
        input_tokens=1,
        output_tokens=1,
        cost_usd=Decimal(0),
        started_at=at,
        completed_at=at,
    )


async def test_what_was_said_is_remembered(moto_url: str) -> None:
    settings = MemorySettings(
        aws_endpoint_url=moto_url,
        aws_account=MOTO_ACCOUNT,
        name_prefix=own_prefix(),
        poll_wait_s=1,
    )
    await provision(settings)
    async with (
        open_bus(settings) as bus,
        bootstrap(settings, bus=bus, model=WordModel()) as service,
    ):
        requester = BusRequester(bus)
        async with running(requester, *service.runnables):
            for n in range(3):
                await BusPublisher(bus).publish_now("turns", completed(n), CONTEXT)

            async def recalled() -> ContextAnsweredV1 | None:
                reply = await requester.ask(
                    "memory-queries",
                    ContextRequestedV1(conversation_id="c1", max_turns=2),
                    ContextAnsweredV1,
                    CONTEXT,
                    3000,
                )
                return reply if len(reply.turns) == 2 and reply.turns[-1].turn_id == "t2" else None

            reply = await until(recalled)
            listed = await requester.ask(
                "memory-queries", ListConversationsV1(), ConversationsListedV1, CONTEXT, 3000
            )
    assert [turn.question for turn in reply.turns] == ["question 1", "question 2"]
    assert [(c.conversation_id, c.turns) for c in listed.conversations] == [("c1", 3)]
