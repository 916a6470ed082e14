"""The synthesised templates, with CloudFormation's functions resolved to plain values."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACCOUNT, REGION = "111122223333", "us-east-1"
_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
Properties = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    stack: str
    id: str
    kind: str
    properties: Properties
    body: dict[str, Any]


class Templates:
    """All stacks of one assembly. `stacks` may be changed by a test that breaks something."""

    def __init__(self, stacks: dict[str, dict[str, Any]]) -> None:
        self.stacks = stacks

    @classmethod
    def read(cls, folder: Path) -> "Templates":
        end = ".template.json"
        files = sorted(folder.glob(f"*{end}"))
        return cls({one.name.removesuffix(end): json.loads(one.read_text()) for one in files})

    def broken(self, breach: Callable[["Templates"], None]) -> "Templates":
        """A copy in which something was broken."""
        other = Templates(copy.deepcopy(self.stacks))
        breach(other)
        return other

    def all(self, kind: str = "") -> Iterator[Resource]:
        for stack, template in self.stacks.items():
            for id_, body in template["Resources"].items():
                if body["Type"] == kind or not kind:
                    properties = self.resolved(stack, body.get("Properties", {}))
                    yield Resource(stack, id_, body["Type"], properties, body)

    def one(self, kind: str, **wanted: Any) -> Resource:
        """The only resource of this kind with these properties."""
        found = [
            resource
            for resource in self.all(kind)
            if all(resource.properties.get(name) == value for name, value in wanted.items())
        ]
        assert len(found) == 1, f"{kind} {wanted}: {len(found)} of them"
        return found[0]

    def resolved(self, stack: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self.resolved(stack, one) for one in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            if name == "Ref":
                return self._ref(stack, argument)
            if name == "Fn::GetAtt":
                return self._attribute(stack, *argument)
            if name == "Fn::Join":
                glue, parts = argument
                return glue.join(str(self.resolved(stack, part)) for part in parts)
            if name == "Fn::ImportValue":
                return self._import(argument)
        return {name: self.resolved(stack, one) for name, one in value.items()}

    def _import(self, name: str) -> Any:
        for stack, template in self.stacks.items():
            for output in template.get("Outputs", {}).values():
                if output.get("Export", {}).get("Name") == name:
                    return self.resolved(stack, output["Value"])
        raise KeyError(f"no stack exports {name}")

    def _ref(self, stack: str, id_: str) -> str:
        if id_ in _PSEUDO:
            return _PSEUDO[id_]
        body = self.stacks[stack]["Resources"].get(id_)
        if body is None:
            return f"<{id_}>"
        if body["Type"] == "AWS::SecretsManager::Secret":
            return _arn("secretsmanager", f"secret:{body['Properties']['Name']}-AbCdEf")
        if body["Type"] in ("AWS::SNS::Topic",):
            return _arn("sns", str(body["Properties"]["TopicName"]))
        return id_

    def _attribute(self, stack: str, id_: str, attribute: str) -> str:
        body = self.stacks[stack]["Resources"][id_]
        kind, properties = body["Type"], body.get("Properties", {})
        if attribute == "Arn" and kind == "AWS::KMS::Key":
            return _arn("kms", f"key/{id_}")
        if attribute == "Arn" and kind == "AWS::SQS::Queue":
            return _arn("sqs", properties["QueueName"])
        if attribute == "Arn" and kind == "AWS::IAM::Role":
            return f"arn:aws:iam::{ACCOUNT}:role/{properties.get('RoleName', id_)}"
        return f"<{id_}.{attribute}>"


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def arn_of(service: str, resource: str) -> str:
    """An ARN of the account and region that the templates are resolved for."""
    return _arn(service, resource)


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def bucket_arn(name: str, key: str = "") -> str:
    bucket = f"arn:aws:s3:::{name}-{ACCOUNT}-{REGION}"
    return f"{bucket}/{key}" if key else bucket
