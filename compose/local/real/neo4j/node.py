"""One Neo4j server as a process of the system."""

import asyncio
from contextlib import suppress
from pathlib import Path

from compose.local.parts.part import Part
from compose.local.ports import HOST
from compose.local.real.java import find_java
from compose.local.real.neo4j.install import install

HEAP = "256m"
_PAGE_CACHE = "128m"
# What 5.26 is made for.
_JAVAS = (17, 21)
_CONFIG = """\
server.default_listen_address={host}
server.bolt.enabled=true
server.bolt.listen_address={host}:{port}
server.bolt.advertised_address={host}:{port}
server.http.enabled=false
server.https.enabled=false
dbms.security.auth_enabled=false
dbms.usage_report.enabled=false
server.memory.pagecache.size={page_cache}
db.tx_log.rotation.retention_policy=keep_none
db.tx_log.preallocate=false
"""
_OPTIONS = """
-XX:+UseSerialGC -XX:-OmitStackTraceInFastThrow -Dfile.encoding=UTF-8
-Djdk.tls.rejectClientInitiatedRenegotiation=true -Dio.netty.tryReflectionSetAccessible=true
--add-opens=java.base/java.nio=ALL-UNNAMED --add-opens=java.base/java.io=ALL-UNNAMED
--add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/java.util.concurrent=ALL-UNNAMED
--enable-native-access=ALL-UNNAMED --add-modules=jdk.incubator.vector
"""
# Bolt's magic number and four proposals of a version; the server answers with the one it takes.
_HELLO = bytes.fromhex("6060b0170004040500000004") + bytes(8)
_ANSWER_S = 3.0


def neo4j(state: Path, port: int, heap: str = HEAP) -> Part:
    """Keeps its data in `state`; fetched first when it is not there (125 MB)."""
    jars, java = install(), find_java(*_JAVAS)
    _configure(state, port)
    return Part(
        "neo4j",
        (
            str(java.executable),
            *(f"-Xms{heap}", f"-Xmx{heap}", *_OPTIONS.split()),
            *("-cp", f"{jars}/*", "org.neo4j.server.CommunityEntryPoint"),
            *(f"--home-dir={state}", f"--config-dir={state}/conf"),
        ),
        waits_for="its Bolt port",
        ready=lambda: _answers_bolt(port),
        grace_s=30.0,
        cwd=state,
    )


def url(port: int) -> str:
    return f"bolt://{HOST}:{port}"


def _configure(state: Path, port: int) -> None:
    for folder in ("conf", "data", "logs", "run", "plugins", "import"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    config = _CONFIG.format(host=HOST, port=port, page_cache=_PAGE_CACHE)
    (state / "conf" / "neo4j.conf").write_text(config)


async def _answers_bolt(port: int) -> bool:
    """An open port is not enough: it opens before the server takes connections."""
    with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(_HELLO)
                return len(await reader.readexactly(4)) == 4
            finally:
                writer.close()
    return False
