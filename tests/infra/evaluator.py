"""A small part of IAM: whether policies allow a request. What it does not know is an error.

Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition
operators". Within one account a request is allowed by the role's policy or by the resource's, and
refused when either denies it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Statement = Mapping[str, Any]


@dataclass(frozen=True)
class Request:
    """`principal` is a role's ARN, or an AWS service such as `sns.amazonaws.com`."""

    principal: str
    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)

    def full_context(self) -> dict[str, str]:
        known = {"aws:SecureTransport": "true"}
        if self.principal.startswith("arn:"):
            known |= {"aws:PrincipalArn": self.principal, "aws:PrincipalIsAWSService": "false"}
        else:
            known |= {"aws:PrincipalIsAWSService": "true"}
        return known | dict(self.context)


def allows(
    request: Request, identity: Iterable[Statement], resource: Iterable[Statement] = ()
) -> bool:
    """`identity`: the role's statements; `resource`: those of the queue, bucket or key."""
    own = [one for one in identity if _concerns(one, request)]
    others = [one for one in resource if _concerns(one, request) and _names(one, request)]
    effects = {one["Effect"] for one in (*own, *others)}
    return "Allow" in effects and "Deny" not in effects


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def matches(pattern: str, text: str) -> bool:
    """IAM's `*` and `?`."""
    parts = [{"*": ".*", "?": "."}.get(one, re.escape(one)) for one in pattern]
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _concerns(statement: Statement, request: Request) -> bool:
    unknown = {"NotAction", "NotResource", "NotPrincipal"} & statement.keys()
    if unknown:
        raise ValueError(f"{unknown} cannot be judged")
    actions = [one.lower() for one in listed(statement["Action"])]
    resources = listed(statement.get("Resource", "*"))
    return (
        any(matches(one, request.action.lower()) for one in actions)
        and any(matches(one, request.resource) for one in resources)
        and _holds(statement.get("Condition", {}), request.full_context())
    )


def _names(statement: Statement, request: Request) -> bool:
    """The account's root in a resource's policy leaves it to the roles' own policies."""
    principal = statement.get("Principal", "*")
    if principal == "*":
        return True
    kind = "AWS" if request.principal.startswith("arn:") else "Service"
    return any(one in ("*", request.principal) for one in listed(principal.get(kind, [])))


def _holds(condition: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    return all(
        _one(operator, context.get(key), [str(one) for one in listed(wanted)])
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def _one(operator: str, found: str | None, wanted: Sequence[str]) -> bool:
    name = operator.removesuffix("IfExists")
    if found is None:
        return name != operator or "Not" in name
    equal = found in wanted
    like = any(matches(one, found) for one in wanted)
    known = {
        "Bool": found.lower() in [one.lower() for one in wanted],
        "StringEquals": equal,
        "StringNotEquals": not equal,
        "StringLike": like,
        "StringNotLike": not like,
        # Both take wildcards.
        "ArnEquals": like,
        "ArnLike": like,
        "ArnNotEquals": not like,
        "ArnNotLike": not like,
    }
    if name not in known:
        raise ValueError(f"the operator {operator} cannot be judged")
    return known[name]
