"""Where everything of one run listens."""

from dataclasses import dataclass
from typing import Self

from compose.local.account import Account
from compose.local.environment import DUMMY_CREDENTIALS
from compose.local.errors import LocalError
from compose.local.ports import HOST, free_ports, require_free

MINISTACK = "ministack"
LOCALSTACK = "localstack"
# Where passages and graph lie: one SQLite file, or servers of OpenSearch and Neo4j.
EMBEDDED = "embedded"
REAL = "real"
STORES = (EMBEDDED, REAL)


@dataclass(frozen=True)
class Plan:
    """`emulator` is `ministack`, `localstack` or the URL of one that runs already.

    `account` answers for Bedrock; without one the stand-in does.
    """

    port: int
    aws_port: int
    bedrock_port: int
    valkey_port: int
    postgres_port: int
    opensearch_port: int
    neo4j_port: int
    emulator: str
    name_prefix: str = ""
    stores: str = EMBEDDED
    account: Account | None = None

    @classmethod
    def make(
        cls,
        port: int,
        aws_port: int,
        emulator: str,
        name_prefix: str = "",
        stores: str = EMBEDDED,
        account: Account | None = None,
    ) -> Self:
        """0 means any free port. Raises PortInUse for a port that was asked for and is taken."""
        if emulator not in (MINISTACK, LOCALSTACK) and not emulator.startswith("http"):
            raise LocalError(f"'{emulator}' is no emulator: use ministack, localstack or a URL")
        if stores not in STORES:
            raise LocalError(f"There are no stores '{stores}': use {' or '.join(STORES)}")
        for asked, variable in ((port, "PORT"), (aws_port, "AWS_PORT")):
            if asked:
                require_free(asked, variable)
        gateway, aws, bedrock, valkey, postgres, opensearch, neo4j = free_ports(7)
        return cls(
            port=port or gateway,
            aws_port=aws_port or aws,
            bedrock_port=bedrock,
            valkey_port=valkey,
            postgres_port=postgres,
            opensearch_port=opensearch,
            neo4j_port=neo4j,
            emulator=emulator,
            name_prefix=name_prefix,
            stores=stores,
            account=account,
        )

    @property
    def region(self) -> str:
        """Of everything in the emulator too: queues and tables belong to a region."""
        return DUMMY_CREDENTIALS["AWS_REGION"] if self.account is None else self.account.region

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
