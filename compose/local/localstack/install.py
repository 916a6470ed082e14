"""Installs LocalStack once, under `.venv-localstack`: the hashed lock, a patch, DynamoDB Local."""

import json
import os
import shutil
import subprocess
import sys
import textwrap
import zipfile
from hashlib import sha256
from pathlib import Path

from compose.local.errors import LocalError
from compose.local.layout import REPOSITORY

HOME = REPOSITORY / ".venv-localstack"
LIBRARIES = HOME / "lib-localstack"
_HERE = Path(__file__).parent
_LOCK = _HERE / "localstack.lock"
_POM = _HERE / "pom.xml"
_PYTHONS = ("python3.11", "python3.12", "python3.13")
_MIN_JAVA = 17
# The twisted gateway forgets the host of GATEWAY_LISTEN and opens the port to the whole network.
_OPEN = "TCP4ServerEndpoint(reactor, host_and_port.port)"
_LOOPBACK = "TCP4ServerEndpoint(reactor, host_and_port.port, interface=host_and_port.host)"
_LOG4J = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN"><Appenders><Console name="Console" target="SYSTEM_OUT"/></Appenders>
<Loggers><Root level="WARN"><AppenderRef ref="Console"/></Root></Loggers></Configuration>
"""


def install() -> None:
    """Does nothing when lock and pom are those of the last time."""
    stamp = HOME / "installed"
    wanted = sha256(_LOCK.read_bytes() + _POM.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    shutil.rmtree(HOME, ignore_errors=True)
    _environment()
    _patch()
    _dynamodb()
    stamp.write_text(wanted)


def _environment() -> None:
    _run(_python(), "-m", "venv", "--without-pip", str(HOME))
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        raise LocalError("uv is not installed: make setup")
    target = ("--python", str(HOME / "bin" / "python"))
    _run(uv, "pip", "install", "-q", *target, "--require-hashes", "-r", str(_LOCK))


def _python() -> str:
    """The oldest that fits: LocalStack 4.5.0 is of June 2025. A pyenv shim may not work."""
    for name in _PYTHONS:
        path = shutil.which(name)
        if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    return sys.executable


def _patch() -> None:
    (server,) = HOME.glob("lib/python*/site-packages/localstack/runtime/server/twisted.py")
    text = server.read_text()
    if _LOOPBACK in text:
        return
    if _OPEN not in text:
        raise LocalError(f"{server} is not the one we know: it would listen on every interface")
    # A new file: uv's are hard links into its cache, which other environments are made from.
    server.unlink()
    server.write_text(text.replace(_OPEN, _LOOPBACK))


def _dynamodb() -> None:
    """Lays DynamoDB Local out as LocalStack's own download would."""
    folder = LIBRARIES / "dynamodb-local" / "2"
    jars = folder / "DynamoDBLocal_lib"
    jars.mkdir(parents=True)
    _maven(jars)
    # LocalStack starts it with a Java agent of its own; this one does nothing, which is enough.
    (agent,) = jars.glob("byte-buddy-agent-*.jar")
    agent.rename(folder / "ddb-local-loader-0.1.jar")
    with zipfile.ZipFile(folder / "DynamoDBLocal.jar", "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", _manifest(sorted(j.name for j in jars.glob("*.jar"))))
    (folder / "log4j2.xml").write_text(_LOG4J)
    (LIBRARIES / "java").mkdir()
    (LIBRARIES / "java" / "21").symlink_to(_java_home())  # it asks for "21"; 17 and later will do


def _maven(target: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise LocalError(f"LocalStack's DynamoDB needs Maven (mvn) and a JDK {_MIN_JAVA} or later")
    goal = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={target}")
    _run(maven, "-q", "-B", "-f", str(_POM), *goal)


def _java_home() -> Path:
    java = shutil.which("java")
    if java is None:
        raise LocalError(f"LocalStack's DynamoDB needs Java {_MIN_JAVA} or later on the PATH")
    shown = subprocess.run(
        [java, "-XshowSettings:properties", "-version"], capture_output=True, text=True
    ).stderr
    facts = dict(line.split(" = ", 1) for line in shown.splitlines() if " = " in line)
    facts = {name.strip(): value.strip() for name, value in facts.items()}
    if int(facts.get("java.specification.version", "0").split(".")[0]) < _MIN_JAVA:
        raise LocalError(f"LocalStack's DynamoDB needs Java {_MIN_JAVA} or later on the PATH")
    return Path(facts["java.home"])


def _manifest(jars: list[str]) -> str:
    """A jar's manifest holds 72 bytes a line; the next line goes on after one blank."""
    lines = (
        "Manifest-Version: 1.0",
        "Main-Class: com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
        "Class-Path: . " + " ".join(f"DynamoDBLocal_lib/{jar}" for jar in jars),
    )
    wrapped = ("\r\n ".join(line[i : i + 70] for i in range(0, len(line), 70)) for line in lines)
    return "\r\n".join(wrapped) + "\r\n\r\n"


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode:
        shown = textwrap.indent((done.stdout + done.stderr)[-3000:], "    ")
        raise LocalError(f"{json.dumps(argv)} failed:\n{shown}")
