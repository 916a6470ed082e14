"""Where everything of one run listens."""

from dataclasses import dataclass
from typing import Self

from compose.local.errors import LocalError
from compose.local.ports import HOST, free_ports, require_free

MINISTACK = "ministack"
LOCALSTACK = "localstack"


@dataclass(frozen=True)
class Plan:
    """`emulator` is `ministack`, `localstack` or the URL of one that runs already."""

    port: int
    aws_port: int
    bedrock_port: int
    valkey_port: int
    postgres_port: int
    emulator: str
    name_prefix: str = ""

    @classmethod
    def make(cls, port: int, aws_port: int, emulator: str, name_prefix: str = "") -> Self:
        """0 means any free port. Raises PortInUse for a port that was asked for and is taken."""
        if emulator not in (MINISTACK, LOCALSTACK) and not emulator.startswith("http"):
            raise LocalError(f"'{emulator}' is no emulator: use ministack, localstack or a URL")
        for asked, variable in ((port, "PORT"), (aws_port, "AWS_PORT")):
            if asked:
                require_free(asked, variable)
        gateway, aws, bedrock, valkey, postgres = free_ports(5)
        return cls(
            port or gateway, aws_port or aws, bedrock, valkey, postgres, emulator, name_prefix
        )

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def aws_url(self) -> str:
        own = self.emulator in (MINISTACK, LOCALSTACK)
        return f"http://{HOST}:{self.aws_port}" if own else self.emulator

    @property
    def bedrock_url(self) -> str:
        return f"http://{HOST}:{self.bedrock_port}"
