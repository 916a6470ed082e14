"""The synthesised stacks on the emulator's CloudFormation, less what the emulator does not know."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

# In the order in which they are deployed.
STACKS = ("network", "messages", "stores", "cluster", "services", "watch", "deployer")
ACCOUNT, REGION = "000000000000", "us-east-1"
PARAMETERS = {
    "CertificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/0123",
    "AlarmEmail": "operator@example.org",
    "Repository": "example/ragops",
    "Environment": "production",
}
_DIGEST = "sha256:" + "0" * 64
_BUCKET = "deploy"
NOT_MADE = "not-made"
_PUBLIC = re.compile(r"\{\{resolve:ssm:/aws/service/[^}]*\}\}")
_UNKNOWN = re.compile(r"Unrecognized resource types: \[(.*)\]")
_DEPLOY_S = 120.0
_PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
Json = dict[str, Any]


@dataclass
class Deployed:
    """What became of the templates; `exports` are what one stack tells the others."""

    templates: dict[str, Json]
    unknown: dict[str, set[str]] = field(default_factory=dict)
    ids: dict[str, dict[str, str]] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)

    def of_type(self, kind: str) -> dict[str, Json]:
        """Properties by logical id, of all stacks."""
        return {
            name: one.get("Properties", {})
            for template in self.templates.values()
            for name, one in template["Resources"].items()
            if one["Type"] == kind
        }

    def resolved(self, stack: str, value: Any) -> Any:
        """The value as the emulator's resources make it; what it has not made is left out."""
        return _Resolver(self.ids[stack], self.exports).of(value)


def read(folder: Path) -> dict[str, Json]:
    if not folder.exists():
        raise FileNotFoundError(f"{folder} is not there: make synth")
    texts = {name: (folder / f"RagOps-{name}.template.json").read_text() for name in STACKS}
    # AWS' own parameters are not in the emulator.
    return {name: json.loads(_PUBLIC.sub("ami-12345678", text)) for name, text in texts.items()}


def deploy(
    client: Callable[[str], Any],
    endpoint: str,
    templates: dict[str, Json],
    attributes: dict[str, str],
) -> Deployed:
    """Stack after stack. The emulator names the types that it does not know: those go first.

    `attributes` are values of outputs whose attribute the emulator's resources do not have.
    """
    cloudformation, s3 = client("cloudformation"), client("s3")
    s3.create_bucket(Bucket=_BUCKET)
    templates = {name: _fitted(one, attributes) for name, one in templates.items()}
    deployed = Deployed(templates)
    for name in STACKS:
        template = templates[name]
        try:
            _create(cloudformation, s3, endpoint, name, template)
        except ClientError as error:
            told = _UNKNOWN.search(str(error))
            if not told:
                raise
            deployed.unknown[name] = set(told[1].split(", "))
            template = without(template, deployed.unknown[name])
            _create(cloudformation, s3, endpoint, name, template)
        deployed.statuses[name] = _settled(cloudformation, name)
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=_name(name))
        made = [one for page in pages for one in page["StackResourceSummaries"]]
        deployed.ids[name] = {
            one["LogicalResourceId"]: one["PhysicalResourceId"]
            for one in made
            if one["ResourceStatus"] == "CREATE_COMPLETE"
        }
    listed = cloudformation.get_paginator("list_exports").paginate()
    deployed.exports = {one["Name"]: one["Value"] for page in listed for one in page["Exports"]}
    return deployed


def without(template: Json, types: set[str]) -> Json:
    """The template less these types, and less what refers to them."""
    resources, outputs = dict(template["Resources"]), dict(template.get("Outputs", {}))
    gone = {name for name, one in resources.items() if one["Type"] in types}
    kept: Json = {}
    for name, one in resources.items():
        if name in gone:
            continue
        after = one.get("DependsOn", [])
        after = [after] if isinstance(after, str) else after
        properties = {
            key: value
            for key, value in one.get("Properties", {}).items()
            if not _refers(value, gone)
        }
        kept[name] = one | {
            "DependsOn": [other for other in after if other not in gone],
            "Properties": properties,
        }
    for key, output in outputs.items():
        if _refers(output["Value"], gone):
            # Other stacks import it; they are deployed all the same.
            outputs[key] = output | {"Value": f"{NOT_MADE}-{key}"}
    return template | {"Resources": kept, "Outputs": outputs}


def _fitted(template: Json, attributes: dict[str, str]) -> Json:
    """Services without hosts of their own and without tasks: those are rolled out afterwards."""
    resources = {name: dict(one) for name, one in template["Resources"].items()}
    for one in resources.values():
        if one["Type"] == "AWS::ECS::Service":
            given = {k: v for k, v in one["Properties"].items() if k != "CapacityProviderStrategy"}
            one["Properties"] = given | {"LaunchType": "EC2", "DesiredCount": 0}
    outputs = dict(template.get("Outputs", {}))
    for key, output in outputs.items():
        got = output["Value"].get("Fn::GetAtt") if isinstance(output["Value"], dict) else None
        if got and got[1] in attributes:
            outputs[key] = output | {"Value": attributes[got[1]]}
    return template | {"Resources": resources, "Outputs": outputs}


def _name(stack: str) -> str:
    return f"RagOps-{stack}"


def _create(cloudformation: Any, s3: Any, endpoint: str, name: str, template: Json) -> None:
    # A body of more than 51,200 bytes has to lie in S3.
    s3.put_object(Bucket=_BUCKET, Key=name, Body=json.dumps(template).encode())
    parameters = [
        {"ParameterKey": key, "ParameterValue": PARAMETERS.get(key, _DIGEST)}
        for key in template.get("Parameters", {})
    ]
    cloudformation.create_stack(
        StackName=_name(name),
        TemplateURL=f"{endpoint}/{_BUCKET}/{name}",
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=parameters,
    )


def _settled(cloudformation: Any, name: str) -> str:
    deadline = time.monotonic() + _DEPLOY_S
    while True:
        (stack,) = cloudformation.describe_stacks(StackName=_name(name))["Stacks"]
        status = str(stack["StackStatus"])
        if not status.endswith("PROGRESS"):
            return f"{status} {stack.get('StackStatusReason', '')}".strip()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{_name(name)} is {status} after {_DEPLOY_S:.0f} s")
        time.sleep(0.1)


def _target(value: Any) -> str | None:
    """The logical id that an intrinsic function refers to."""
    if not isinstance(value, dict) or len(value) != 1:
        return None
    got = value.get("Fn::GetAtt")
    if isinstance(got, list):
        return str(got[0])
    return value.get("Ref") or (got.split(".")[0] if isinstance(got, str) else None)


def _refers(value: Any, gone: set[str]) -> bool:
    if _target(value) in gone:
        return True
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(_refers(one, gone) for one in inner)


@dataclass(frozen=True)
class _Resolver:
    ids: dict[str, str]
    exports: dict[str, str]

    def of(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.of(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "Fn::Join" in value:
            separator, parts = value["Fn::Join"]
            return separator.join(str(self.of(part)) for part in parts)
        if "Fn::ImportValue" in value:
            return self.exports.get(value["Fn::ImportValue"], "")
        if name := _target(value):
            return PARAMETERS.get(name) or self.ids.get(name) or _PSEUDO.get(name, _DIGEST)
        return {key: self.of(one) for key, one in value.items()}
