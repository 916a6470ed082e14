"""AWS on this machine: `ministack`, in an environment of its own."""

from pathlib import Path

from compose.local.errors import LocalError
from compose.local.layout import REPOSITORY, Layout, write_private
from compose.local.ministack.generations import Generations
from compose.local.parts.part import Part
from compose.local.ports import HOST
from compose.local.probes import answers_http

# Its own environment: it pins a botocore that the services do not want.
_PYTHON = REPOSITORY / ".venv-emulator" / "bin" / "python"
_APPLICATION = "compose.local.ministack.app:app"
# Its own server parses HTTP in Python, which costs more than the emulation (docs/adr/0011).
_SERVER = (
    *("--host", HOST, "--loop", "uvloop", "--http", "httptools", "--ws", "none"),
    *("--lifespan", "on", "--timeout-keep-alive", "75", "--timeout-graceful-shutdown", "5"),
    *("--no-proxy-headers", "--no-server-header", "--no-date-header"),
    *("--no-access-log", "--log-level", "warning"),
)


# What a kill -9 or a power cut may cost of queues and tables.
_SAVE_INTERVAL_S = 2.0


def ministack(layout: Layout, port: int, save_interval_s: float = _SAVE_INTERVAL_S) -> Part:
    """Writes objects at once, the rest of its state every `save_interval_s` seconds."""
    if not _PYTHON.exists():
        raise LocalError("The AWS emulator is not installed: make setup")
    _readdress(layout, port)
    env = {
        "BIND_HOST": HOST,
        "MINISTACK_HOST": HOST,
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "1",
        "RAGOPS_EMULATOR_STATE": str(layout.emulator),
        "RAGOPS_EMULATOR_SAVE_INTERVAL_S": str(save_interval_s),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(layout.emulator / "s3"),
        "TMPDIR": str(_folder(layout.emulator / "tmp")),
        "LOG_LEVEL": "WARNING",
        # Else it sweeps containers on this machine's Docker.
        "DOCKER_HOST": f"unix://{layout.emulator}/no-docker.sock",
    }
    return Part(
        "aws",
        (str(_PYTHON), "-m", "uvicorn", _APPLICATION, *_SERVER, "--port", str(port)),
        env,
        waits_for="the emulator's health",
        ready=lambda: answers_http(f"http://{HOST}:{port}/_ministack/health"),
        grace_s=30.0,
    )


def _readdress(layout: Layout, port: int) -> None:
    """Its queues are known by their URL: on another port it would make them anew, and empty."""
    remembered = layout.emulator / "port"
    queues = Generations(layout.emulator).newest() / "sqs.json"
    if queues.exists() and remembered.exists():
        old = f"{HOST}:{remembered.read_text()}/"
        write_private(queues, queues.read_text().replace(old, f"{HOST}:{port}/"))
    write_private(remembered, str(port))


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
