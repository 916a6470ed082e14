"""A gateway process over fakes: what is left is its own work. Prints its port."""

import asyncio

from contracts.retrieval.search import SearchRequestedV1
from services.gateway.http.server import HttpServer
from shared.observability import configure_logs, configure_traces
from tests.unit.gateway.fakes import Gateway, a_hit, an_answered_search

# Eight sources and forty pieces of text: an ordinary answer.
TEXT = "The allowance is forty euros a day, paid with the salary of the next month. " * 12
PIECES = (*(f"word {n} of the answer " for n in range(38)), "[", "1", "] and [2].")


class _Nothing:
    async def run(self) -> None:
        await asyncio.Event().wait()

    def stop(self) -> None: ...


async def main() -> None:
    gateway = Gateway()
    gateway.model.pieces = PIECES
    hits = [a_hit(n, TEXT) for n in range(1, 9)]
    gateway.requester.answers[SearchRequestedV1] = an_answered_search(*hits)
    server = HttpServer(gateway.app, "127.0.0.1", 0, drain_s=1, needed=_Nothing())
    print(server.port, flush=True)
    await server.run()


if __name__ == "__main__":
    configure_logs("gateway", "WARNING")
    configure_traces("gateway", None)
    import uvloop

    uvloop.run(main())
