"""moto's server inside the test process: AWS in milliseconds."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MOTO_ACCOUNT = "123456789012"


@contextmanager
def moto_server() -> Iterator[str]:
    """Its URL; bound to 127.0.0.1 and a free port."""
    from moto.server import ThreadedMotoServer

    server: Any = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def own_prefix() -> str:
    """Tests that share an emulator do not see each other's queues."""
    return f"t{secrets.token_hex(4)}-"
