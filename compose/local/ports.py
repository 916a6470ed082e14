"""Loopback ports: free ones for what only we use, a clear message for the ones people type."""

import itertools
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import psutil

from compose.local.errors import PortInUse

HOST = "127.0.0.1"
# Below the ports that a system gives to outgoing connections and to listeners on port 0 (from
# 32768 on Linux, 49152 on macOS): one of those may be taken before the part that shall listen
# on it has started.
_BLOCKS = range(20_000, 32_768, 16)


def free_ports(count: int) -> list[int]:
    """Distinct free ports that no other process of ours is given while this one runs."""
    return list(itertools.islice(_FREE, count))


def _free() -> Iterator[int]:
    """Who listens on the first port of a block has all of the block, until its process ends."""
    with ExitStack() as held:
        for first in random.sample(_BLOCKS, len(_BLOCKS)):
            try:
                _bound(held, first)
            except OSError:
                continue
            yield from filter(_is_free, range(first + 1, first + _BLOCKS.step))
    raise PortInUse(
        f"No port from {_BLOCKS.start} to {_BLOCKS.stop - 1} is free: stop what has them"
    )


def _is_free(port: int) -> bool:
    with suppress(OSError), ExitStack() as stack:
        _bound(stack, port)
        return True
    return False


_FREE = _free()


def require_free(port: int, variable: str) -> None:
    """Raises PortInUse, naming who has the port and the variable that changes it."""
    try:
        with ExitStack() as stack:
            _bound(stack, port)
    except PermissionError:
        raise PortInUse(
            f"Port {port} may not be opened by this user. "
            f"Choose one above 1023: make run {variable}=18080"
        ) from None
    except OSError:
        raise PortInUse(
            f"Port {port} is already in use{_owner(port)}.\n"
            f"Stop that process, or choose another port: make run {variable}={port + 10}"
        ) from None


def _bound(stack: ExitStack, port: int) -> int:
    listener = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    # Without it a port stays "in use" for a minute after its last connection closed.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(1)
    return int(listener.getsockname()[1])


def _owner(port: int) -> str:
    try:
        found = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:  # macOS shows other users' sockets to root only
        return ""
    for connection in found:
        listens = connection.status == psutil.CONN_LISTEN and connection.laddr
        if listens and listens.port == port:
            return _named(connection.pid)
    return ""


def _named(pid: int | None) -> str:
    if pid is None:
        return ""
    try:
        return f" by {psutil.Process(pid).name()} (process {pid})"
    except psutil.Error:
        return f" by process {pid}"
