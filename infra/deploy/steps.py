"""What a deploy does beside stacks: the database's tables, the ledger, the first token."""

import time
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.changes import Say
from infra.deploy.failures import DeployFailed
from infra.names import CLUSTER

_SERVICE_ROLES = (
    "autoscaling.amazonaws.com",
    "ecs.amazonaws.com",
    "elasticache.amazonaws.com",
    "elasticloadbalancing.amazonaws.com",
    "opensearchservice.amazonaws.com",
    "rds.amazonaws.com",
)


class Tasks:
    """Runs a task to its end. `network` is its subnets and its security group."""

    def __init__(self, ecs: Any, say: Say, *, poll_s: float = 3.0, within_s: float = 900.0) -> None:
        self._ecs, self._say, self._poll_s, self._within_s = ecs, say, poll_s, within_s

    def run(
        self,
        family: str,
        network: dict[str, Any],
        *,
        container: str = "",
        command: Sequence[str] = (),
    ) -> None:
        """Raises DeployFailed when it does not start or a container ends with an error."""
        overrides = {"containerOverrides": [{"name": container, "command": [*command]}]}
        started = self._ecs.run_task(
            cluster=CLUSTER,
            taskDefinition=family,
            networkConfiguration={"awsvpcConfiguration": network},
            **({"overrides": overrides} if command else {}),
        )
        if failures := started.get("failures"):
            raise DeployFailed(f"{family} was not started: {failures[0].get('reason')}")
        arn = started["tasks"][0]["taskArn"]
        self._say(f"{family}: {' '.join(command) or 'started'}")
        deadline = time.monotonic() + self._within_s
        while True:
            (task,) = self._ecs.describe_tasks(cluster=CLUSTER, tasks=[arn])["tasks"]
            if task["lastStatus"] == "STOPPED":
                break
            if time.monotonic() > deadline:
                raise DeployFailed(f"{family} has not ended after {self._within_s:.0f} s.")
            time.sleep(self._poll_s)
        _check(family, task)


def _check(family: str, task: dict[str, Any]) -> None:
    for one in task["containers"]:
        if one.get("exitCode") != 0:
            reason = one.get("reason") or task.get("stoppedReason") or "see its log"
            raise DeployFailed(
                f"{family}: its container {one['name']} ended with {one.get('exitCode')}: {reason}."
                f" Its log is the group /{family.replace('-', '/', 1)}. Nothing was rolled out."
            )


def use_trunks(ecs: Any) -> None:
    """Hosts that start from now on hold more than two tasks with addresses of their own."""
    ecs.put_account_setting_default(name="awsvpcTrunking", value="enabled")


def make_service_roles(iam: Any) -> None:
    """AWS' own roles in this account; without them a first OpenSearch domain or cluster fails."""
    for service in _SERVICE_ROLES:
        try:
            iam.create_service_linked_role(AWSServiceName=service)
        except ClientError as error:
            # AWS: InvalidInput, "has been taken". The emulator: EntityAlreadyExists.
            if not {"taken", "exists"} & {*str(error).strip(".").split()}:
                raise


def release_hosts(autoscaling: Any) -> None:
    """Lets hosts go that ECS protects while tasks run; else their group cannot be deleted."""
    tag = [{"Name": "tag:system", "Values": [CLUSTER]}]
    for group in autoscaling.describe_auto_scaling_groups(Filters=tag)["AutoScalingGroups"]:
        hosts = [one["InstanceId"] for one in group["Instances"] if one["ProtectedFromScaleIn"]]
        if hosts:
            autoscaling.set_instance_protection(
                AutoScalingGroupName=group["AutoScalingGroupName"],
                InstanceIds=hosts,
                ProtectedFromScaleIn=False,
            )
