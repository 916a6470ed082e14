"""AWS' sizes and default quotas of us-east-1, November 2026, from memory: UNVERIFIED.

Look at Service Quotas in your account, and ask there for more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

AS_OF = date(2026, 11, 27)
VERIFIED = False


@dataclass(frozen=True)
class Host:
    """What ECS may give away on it: CPU units, MiB; tasks with trunked network interfaces."""

    cpu: int
    mib: int
    tasks: int


HOSTS: Mapping[str, Host] = {"m5.large": Host(2048, 7680, 10)}
# GiB of memory of a search node.
SEARCH_GIB: Mapping[str, float] = {
    "t3.small.search": 2,
    "t3.medium.search": 4,
    "r6g.large.search": 16,
}
# A minute, by model: requests, and tokens where they are counted.
REQUESTS_A_MINUTE: Mapping[str, int] = {
    "amazon.nova-lite-v1:0": 1_000,
    "amazon.titan-embed-text-v2:0": 6_000,
    "amazon.rerank-v1:0": 200,
}
TOKENS_A_MINUTE: Mapping[str, int] = {
    "amazon.nova-lite-v1:0": 1_000_000,
    "amazon.titan-embed-text-v2:0": 300_000,
}
# A second.
SNS_PUBLISHES = 30_000
TABLE_WRITES = 40_000
# Messages of one queue that are received and not yet deleted.
SQS_IN_FLIGHT = 120_000
