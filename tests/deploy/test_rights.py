"""Who may do what, asked of the emulator's own evaluation of the deployed policies.

The templates' policies are compared with a matrix written by hand in tests/infra; here another
evaluator, which knows nothing of ours, answers the same for each role and queue.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from contracts.topology import QUEUES, SERVICES
from tests.deploy.host import Host
from tests.deploy.stacks import ACCOUNT, REGION, Deployed

RECEIVE, SEND = "sqs:ReceiveMessage", "sqs:SendMessage"
# Written by hand: each queue's consumer, and who of the services sends to it. A consumer sends a
# message again that has waited long.
RECEIVES = {
    "ingestion-documents": "ingestion",
    "ingestion-queries": "ingestion",
    "ingestion-events": "ingestion",
    "retrieval-index": "retrieval",
    "retrieval-control": "retrieval",
    "retrieval-queries": "retrieval",
    "memory-queries": "memory",
    "memory-events": "memory",
    "gateway-events": "gateway",
    "finetune-exports": "finetune_export",
    "finetune-events": "finetune_export",
    "finetune-trainings": "finetune_export",
}
ASKED_BY_THE_GATEWAY = {
    "ingestion-documents",
    "ingestion-queries",
    "retrieval-queries",
    "memory-queries",
    "finetune-exports",
}


def decisions(host: Host, service: str, action: str, names: list[str]) -> dict[str, bool]:
    """One question for each queue: the emulator answers for the role's own policies."""
    iam: Any = host.client("iam")
    role = iam.get_role(RoleName=f"ragops-{service}")["Role"]["Arn"]

    def asked() -> Iterator[tuple[str, bool]]:
        for name in names:
            told = iam.simulate_principal_policy(
                PolicySourceArn=role,
                ActionNames=[action],
                ResourceArns=[f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"],
            )
            (result,) = told["EvaluationResults"]
            yield name, result["EvalDecision"] == "allowed"

    return dict(asked())


@pytest.mark.parametrize("service", SERVICES)
def test_a_role_reaches_its_own_queues_and_no_others(
    deployed: Deployed, host: Host, service: str
) -> None:
    assert RECEIVES.keys() == QUEUES.keys()
    assert deployed.statuses["messages"] == "CREATE_COMPLETE"
    dead = [queue.dead_letters for queue in QUEUES.values()]
    own = {name for name, consumer in RECEIVES.items() if consumer == service}
    received = decisions(host, service, RECEIVE, [*RECEIVES, *dead])
    assert {name for name, allowed in received.items() if allowed} == own
    sent = decisions(host, service, SEND, [*RECEIVES, *dead])
    asks = ASKED_BY_THE_GATEWAY if service == "gateway" else set()
    parks = {QUEUES[name].dead_letters for name in own}
    assert {name for name, allowed in sent.items() if allowed} == own | asks | parks


def test_a_stranger_s_role_reaches_nothing(deployed: Deployed, host: Host) -> None:
    trust = '{"Version": "2012-10-17", "Statement": []}'
    host.client("iam").create_role(RoleName="ragops-stranger", AssumeRolePolicyDocument=trust)
    assert deployed.statuses["messages"] == "CREATE_COMPLETE"
    assert not any(decisions(host, "stranger", SEND, [*RECEIVES]).values())
