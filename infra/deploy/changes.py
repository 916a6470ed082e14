"""One stack at a time: a change set that is shown, asked about, executed and followed."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy.failures import DeployFailed, advice

Say = Callable[[str], None]
_NOTHING = ("didn't contain changes", "No updates are to be performed")
# A template that is longer goes through S3.
_BODY_BYTES = 51_200
_ENDED = ("_COMPLETE", "_FAILED")


@dataclass(frozen=True)
class Plan:
    """A change set that waits. Without `changes` there is nothing to do."""

    stack: str
    change_set: str
    creates: bool
    changes: tuple[str, ...]


class Stacks:
    """`upload` puts a template into S3 and returns its address."""

    def __init__(
        self, cloudformation: Any, upload: Callable[[Path], str], say: Say, *, poll_s: float = 3.0
    ) -> None:
        self._api, self._upload, self._say, self._poll_s = cloudformation, upload, say, poll_s

    def plan(self, stack: str, parameters: Mapping[str, str], template: Path | None = None) -> Plan:
        """Without a template the stack keeps its own. Raises DeployFailed for what is refused."""
        there = self._described(stack)
        creates = there is None or there["StackStatus"] == "REVIEW_IN_PROGRESS"
        if there is not None and there["StackStatus"] == "ROLLBACK_COMPLETE":
            raise DeployFailed(
                f"{stack} could not be made at its first try and is in the way. Delete it (aws"
                f" cloudformation delete-stack --stack-name {stack}) and deploy again."
            )
        try:
            made = self._api.create_change_set(
                StackName=stack,
                ChangeSetName=f"ragops-{datetime.now(UTC):%Y%m%d%H%M%S%f}",
                ChangeSetType="CREATE" if creates else "UPDATE",
                Capabilities=["CAPABILITY_NAMED_IAM"],
                Parameters=_parameters(parameters, there),
                **self._text(template),
            )
        except ClientError as error:
            raise DeployFailed(f"{stack}: CloudFormation refuses the template: {error}") from error
        return self._planned(stack, str(made["Id"]), creates)

    def _text(self, template: Path | None) -> dict[str, Any]:
        if template is None:
            return {"UsePreviousTemplate": True}
        if template.stat().st_size > _BODY_BYTES:
            return {"TemplateURL": self._upload(template)}
        return {"TemplateBody": template.read_text()}

    def _planned(self, stack: str, change_set: str, creates: bool) -> Plan:
        while True:
            found = self._api.describe_change_set(ChangeSetName=change_set, StackName=stack)
            if found["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                break
            time.sleep(self._poll_s)
        if found["Status"] == "FAILED":
            reason = found.get("StatusReason", "")
            self._api.delete_change_set(ChangeSetName=change_set, StackName=stack)
            if any(words in reason for words in _NOTHING):
                return Plan(stack, change_set, creates, ())
            raise DeployFailed(f"{stack}: CloudFormation refuses the change: {reason}")
        lines = [_line(one["ResourceChange"]) for one in found.get("Changes", [])]
        while token := found.get("NextToken"):
            found = self._api.describe_change_set(
                ChangeSetName=change_set, StackName=stack, NextToken=token
            )
            lines += [_line(one["ResourceChange"]) for one in found.get("Changes", [])]
        return Plan(stack, change_set, creates, tuple(lines))

    def drop(self, plan: Plan) -> None:
        """Nobody wanted it. A stack that was to be made by it goes too: it holds nothing."""
        self._api.delete_change_set(ChangeSetName=plan.change_set, StackName=plan.stack)
        if plan.creates:
            self.delete(plan.stack)

    def apply(self, plan: Plan) -> None:
        """Follows the events until it has ended. Raises DeployFailed with the first reasons."""
        began = datetime.now(UTC)
        seen = {event["EventId"] for event in self._events(plan.stack)}
        # What a stack keeps when it goes would be in the way of its next try.
        more = {"RetainExceptOnCreate": True} if plan.creates else {}
        self._api.execute_change_set(ChangeSetName=plan.change_set, StackName=plan.stack, **more)
        self._follow(plan.stack, seen, began)

    def delete(self, stack: str) -> None:
        if self._described(stack) is None:
            self._say(f"{stack} is not there.")
            return
        began = datetime.now(UTC)
        seen = {event["EventId"] for event in self._events(stack)}
        self._api.delete_stack(StackName=stack)
        self._follow(stack, seen, began)

    def is_there(self, stack: str) -> bool:
        there = self._described(stack)
        return there is not None and there["StackStatus"] != "REVIEW_IN_PROGRESS"

    def outputs(self, stack: str) -> dict[str, str]:
        there = self._described(stack) or {}
        return {one["OutputKey"]: one["OutputValue"] for one in there.get("Outputs", [])}

    def _follow(self, stack: str, seen: set[str], began: datetime) -> None:
        failed: list[str] = []
        while True:
            # The status first: what happened before it is in the events that are read then.
            there = self._described(stack)
            for event in reversed(self._events(stack)):
                if event["EventId"] not in seen:
                    seen.add(event["EventId"])
                    self._tell(event, failed)
            if there is None or there["StackStatus"].endswith(_ENDED):
                break
            time.sleep(self._poll_s)
        status = there["StackStatus"] if there else "DELETE_COMPLETE"
        seconds = round((datetime.now(UTC) - began).total_seconds())
        self._say(f"{stack}: {status} after {seconds} s")
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"):
            raise DeployFailed("\n".join([f"{stack} ended as {status}.", *failed]))

    def _tell(self, event: dict[str, Any], failed: list[str]) -> None:
        status, name = event.get("ResourceStatus", ""), event.get("LogicalResourceId", "")
        reason = event.get("ResourceStatusReason", "")
        self._say(f"  {status:<28} {event.get('ResourceType', '')} {name}")
        if status.endswith("_FAILED") and "cancelled" not in reason.lower():
            failed += [f"{name}: {reason}", *filter(None, [advice(reason)])]

    def _described(self, stack: str) -> dict[str, Any] | None:
        try:
            (found,) = self._api.describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        there: dict[str, Any] = found
        return None if there["StackStatus"] == "DELETE_COMPLETE" else there

    def _events(self, stack: str) -> list[dict[str, Any]]:
        """The newest page: a stack makes no hundred events between two looks."""
        try:
            events: list[dict[str, Any]] = self._api.describe_stack_events(StackName=stack)[
                "StackEvents"
            ]
        except ClientError as error:
            if "does not exist" in str(error):
                return []
            raise
        return events


def _parameters(given: Mapping[str, str], there: dict[str, Any] | None) -> list[dict[str, Any]]:
    """What is not given stays as it was."""
    before = {one["ParameterKey"] for one in (there or {}).get("Parameters", [])}
    kept = [{"ParameterKey": key, "UsePreviousValue": True} for key in before - given.keys()]
    new = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    return [*new, *sorted(kept, key=lambda one: str(one["ParameterKey"]))]


def _line(change: dict[str, Any]) -> str:
    """`Modify AWS::RDS::DBInstance PostgresServer (REPLACES IT)`"""
    replaced = " (REPLACES IT)" if change.get("Replacement") == "True" else ""
    return f"{change['Action']} {change['ResourceType']} {change['LogicalResourceId']}{replaced}"
