"""A gateway process over fakes: what is left is its own work. Prints its port."""

from contracts.retrieval.search import SearchRequestedV1
from shared.observability import configure_logs, configure_traces
from tests.unit.gateway.fakes import a_hit, an_answered_search, open_gateway

# Eight sources and forty pieces of text: an ordinary answer.
TEXT = "The allowance is forty euros a day, paid with the salary of the next month. " * 12
PIECES = (*(f"word {n} of the answer " for n in range(38)), "[", "1", "] and [2].")


async def main() -> None:
    async with open_gateway(drain_s=1) as gateway:
        gateway.model.pieces = PIECES
        hits = [a_hit(n, TEXT) for n in range(1, 9)]
        gateway.requester.answers[SearchRequestedV1] = an_answered_search(*hits)
        print(gateway.service.server.port, flush=True)
        await gateway.service.server.run()


if __name__ == "__main__":
    configure_logs("gateway", "WARNING")
    configure_traces("gateway", None)
    import uvloop

    uvloop.run(main())
