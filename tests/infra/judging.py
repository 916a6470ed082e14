"""Compares the templates' policies with the matrix: each difference is a line of words."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from contracts.topology import BUCKETS
from tests.infra import matrix
from tests.infra.evaluator import Request, Statement, allows, listed
from tests.infra.templates import REGION, Templates, arn_of, bucket_arn, role_arn

_VERBS = ("s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion")


class Judge:
    """The policies of one assembly, ready to be asked."""

    def __init__(self, templates: Templates) -> None:
        self.templates = templates
        self.identity = _identity_policies(templates)
        self.resources = _resource_policies(templates)

    def may(self, role: str, action: str, resource: str, **context: str) -> bool:
        """`role` without its `ragops-`; the context's keys with `__` for `:`."""
        principal = role_arn(f"ragops-{role}")
        full = {key.replace("__", ":"): value for key, value in context.items()}
        request = Request(principal, action, resource, full)
        return allows(request, self.identity.get(f"ragops-{role}", ()), self._about(resource))

    def service_may(self, service: str, action: str, resource: str, source: str) -> bool:
        account = resource.split(":")[4]
        context = {"aws:SourceArn": source, "aws:SourceAccount": account}
        request = Request(f"{service}.amazonaws.com", action, resource, context)
        return allows(request, (), self._about(resource))

    def _about(self, resource: str) -> list[Statement]:
        """The policy of the queue, topic, key or bucket that is asked about."""
        whole = resource.partition("/")[0] if resource.startswith("arn:aws:s3") else resource
        return self.resources.get(whole, [])

    def findings(self) -> list[str]:
        return [
            *self._unlisted(),
            *self._queues(),
            *self._topics(),
            *self._prefixes(),
            *self._tables_and_stores(),
            *self._keys(),
            *self._secrets(),
            *self._models(),
            *self._training(),
            *self._wildcards(),
        ]

    def _unlisted(self) -> Iterator[str]:
        """What is in the templates and has no line in the matrix, or the other way round."""
        names = {
            "queue": ("AWS::SQS::Queue", "QueueName", set(matrix.QUEUES)),
            "topic": ("AWS::SNS::Topic", "TopicName", {*matrix.TOPICS, "ragops-alarms"}),
            "table": ("AWS::DynamoDB::Table", "TableName", {*_tables()}),
            "secret": ("AWS::SecretsManager::Secret", "Name", set(matrix.SECRETS)),
        }
        prefixes = {(one.name, prefix.name) for one in BUCKETS.values() for prefix in one.prefixes}
        for bucket, prefix in sorted(prefixes ^ matrix.PREFIXES.keys()):
            yield f"{bucket}/{prefix} is in the topology or in the matrix, but not in both"
        for what, (kind, name, wanted) in names.items():
            found = {one.properties[name] for one in self.templates.all(kind)}
            for one in sorted(found ^ wanted):
                yield f"{what} {one} is in the templates or in the matrix, but not in both"

    def _differ(
        self, what: str, wanted: set[str], action: str, resource: str, **context: str
    ) -> Iterator[str]:
        for role in sorted(matrix.ROLES):
            may = self.may(role, action, resource, **context)
            if may and role not in wanted:
                yield f"{role} may {what}"
            if not may and role in wanted:
                yield f"{role} may not {what}"

    def _queues(self) -> Iterator[str]:
        for name, (receivers, senders) in matrix.QUEUES.items():
            queue = arn_of("sqs", name)
            yield from self._differ(f"receive {name}", receivers, "sqs:ReceiveMessage", queue)
            yield from self._differ(f"delete {name}", receivers, "sqs:DeleteMessage", queue)
            yield from self._differ(f"send {name}", senders, "sqs:SendMessage", queue)
            yield from self._differ(f"purge {name}", set(), "sqs:PurgeQueue", queue)
            yield from self._sources(name, queue)
        replies, (receivers, senders) = arn_of("sqs", "gateway-replies-ab12"), matrix.REPLIES
        yield from self._differ("receive replies", receivers, "sqs:ReceiveMessage", replies)
        yield from self._differ("make replies", receivers, "sqs:CreateQueue", replies)
        yield from self._differ("send replies", senders, "sqs:SendMessage", replies)

    def _sources(self, name: str, queue: str) -> Iterator[str]:
        """AWS services that send: topics (also into the dead letters) and the bucket's notices."""
        source = name.removesuffix("-dead")
        for topic in matrix.TOPICS:
            may = self.service_may("sns", "sqs:SendMessage", queue, arn_of("sns", topic))
            if may != (topic in matrix.FROM_TOPICS.get(source, set())):
                yield f"the topic {topic} {'may' if may else 'may not'} send to {name}"
        rule = arn_of("events", "rule/ragops-trainings")
        may = self.service_may("events", "sqs:SendMessage", queue, rule)
        if may != (name in matrix.FROM_RULES):
            yield f"the rule ragops-trainings {'may' if may else 'may not'} send to {name}"
        for bucket in {bucket for bucket, _ in matrix.PREFIXES}:
            may = self.service_may("s3", "sqs:SendMessage", queue, bucket_arn(bucket))
            if may != (matrix.FROM_S3.get(name) == bucket):
                yield f"the bucket {bucket} {'may' if may else 'may not'} send to {name}"

    def _topics(self) -> Iterator[str]:
        for name, publishers in matrix.TOPICS.items():
            topic = arn_of("sns", name)
            yield from self._differ(f"publish {name}", publishers, "sns:Publish", topic)

    def _prefixes(self) -> Iterator[str]:
        for (bucket, prefix), who in matrix.PREFIXES.items():
            place = bucket_arn(bucket, f"{prefix}acme/one")
            erasers = who[2] if bucket in matrix.ERASED else set()
            for action, wanted in zip(_VERBS, (*who, erasers), strict=True):
                yield from self._differ(f"{action} {bucket}/{prefix}", wanted, action, place)
            yield from self._differ(
                f"list {bucket}/{prefix}",
                who[0],
                "s3:ListBucket",
                bucket_arn(bucket),
                s3__prefix=f"{prefix}acme/",
            )
        for bucket in {bucket for bucket, _ in matrix.PREFIXES}:
            outside = bucket_arn(bucket, "elsewhere/one")
            for action in _VERBS:
                yield from self._differ(f"{action} outside of prefixes", set(), action, outside)

    def _tables_and_stores(self) -> Iterator[str]:
        for name, wanted in matrix.TABLES.items():
            table = arn_of("dynamodb", f"table/{name}")
            yield from self._differ(f"query {name}", wanted, "dynamodb:Query", table)
            yield from self._differ(f"scan {name}", set(), "dynamodb:Scan", table)
            writers = set() if "/index/" in name else wanted
            yield from self._differ(f"write {name}", writers, "dynamodb:PutItem", table)
        server = self.templates.one("AWS::RDS::DBInstance").id
        user = arn_of("rds-db", f"dbuser:<{server}.DbiResourceId>/ragops")
        yield from self._differ("connect to PostgreSQL", matrix.DATABASE, "rds-db:connect", user)
        domain = arn_of("es", "domain/ragops/_search")
        yield from self._differ("search OpenSearch", matrix.SEARCH, "es:ESHttpPost", domain)

    def _keys(self) -> Iterator[str]:
        for (key, service), wanted in matrix.KEYS.items():
            through = {"kms__ViaService": f"{service}.{REGION}.amazonaws.com"}
            for action in ("kms:Decrypt", "kms:GenerateDataKey"):
                what = f"{action} {key} through {service}"
                place = arn_of("kms", f"key/{key}")
                yield from self._differ(what, wanted, action, place, **through)
        for key in {key for key, _ in matrix.KEYS}:
            place = arn_of("kms", f"key/{key}")
            direct = matrix.KEYS_DIRECTLY.get(key, set())
            yield from self._differ(f"decrypt with {key} itself", direct, "kms:Decrypt", place)

    def _secrets(self) -> Iterator[str]:
        starts = {
            name.removeprefix("ragops-").removesuffix("-start")
            for name in self.identity
            if name.endswith("-start")
        }
        places = {
            arn_of("secretsmanager", f"secret:{name}-AbCdEf"): (name, wanted)
            for name, wanted in matrix.SECRETS.items()
        }
        server = self.templates.one("AWS::RDS::DBInstance").id
        admin = f"<{server}.MasterUserSecret.SecretArn>"
        places[admin] = ("the database's first user", matrix.ADMIN_SECRET)
        action = "secretsmanager:GetSecretValue"
        for place, (name, wanted) in places.items():
            yield from self._differ(f"read the secret {name}", set(), action, place)
            for start in sorted(starts | wanted):
                may = self.may(f"{start}-start", action, place)
                if may != (start in wanted):
                    yield f"{start} {'starts' if may else 'does not start'} with {name}"

    def _models(self) -> Iterator[str]:
        for model, wanted in matrix.MODELS.items():
            place = f"arn:aws:bedrock:{REGION}::foundation-model/{model}"
            yield from self._differ(f"call {model}", wanted, "bedrock:InvokeModel", place)
            streamed = wanted if model in matrix.STREAMED else set()
            action = "bedrock:InvokeModelWithResponseStream"
            yield from self._differ(f"stream {model}", streamed, action, place)
        for action, wanted in matrix.EVERYWHERE.items():
            yield from self._differ(action, wanted, action, "*")

    def _training(self) -> Iterator[str]:
        for (action, resource), wanted in matrix.TRAINING.items():
            place = arn_of(action.partition(":")[0], resource)
            yield from self._differ(f"{action} {resource}", wanted, action, place)
        for model in (*matrix.TRAINED, "amazon.nova-pro-v1:0:300k"):
            place = f"arn:aws:bedrock:{REGION}::foundation-model/{model}"
            wanted = {matrix.FINETUNE} if model in matrix.TRAINED else set()
            action = "bedrock:CreateModelCustomizationJob"
            yield from self._differ(f"train {model}", wanted, action, place)
        for role, wanted in matrix.PASSED.items():
            place = role_arn(f"ragops-{role}")
            for service, passes in matrix.PASSED_TO.items():
                told = {"iam__PassedToService": f"{service}.amazonaws.com"}
                may = wanted if passes else set()
                what = f"pass {role} to {service}"
                yield from self._differ(what, may, "iam:PassRole", place, **told)

    def _wildcards(self) -> Iterator[str]:
        for role, statements in self.identity.items():
            for statement in statements:
                actions = listed(statement["Action"])
                for action in actions:
                    if "*" in action or "?" in action:
                        yield f"{role} has the wildcard action {action}"
                if "*" in listed(statement["Resource"]):
                    for action in set(actions) - matrix.EVERYWHERE.keys():
                        yield f"{role} may {action} on every resource"


def _tables() -> Iterator[str]:
    return (name for name in matrix.TABLES if "/" not in name)


def _identity_policies(templates: Templates) -> dict[str, list[Statement]]:
    """By role's name: what the role holds itself, and what other stacks add to it."""
    found: dict[str, list[Statement]] = {}
    for role in templates.all("AWS::IAM::Role"):
        statements = found.setdefault(role.properties.get("RoleName", role.id), [])
        for policy in role.properties.get("Policies", []):
            statements += policy["PolicyDocument"]["Statement"]
    for policy in templates.all("AWS::IAM::RolePolicy"):
        statements = found.setdefault(policy.properties["RoleName"], [])
        statements += policy.properties["PolicyDocument"]["Statement"]
    return found


def _resource_policies(templates: Templates) -> dict[str, list[Statement]]:
    """By ARN: the policies of queues, topics, keys, buckets. Their ARNs say whose they are."""
    found: dict[str, list[Statement]] = {}
    for kind in ("AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::S3::BucketPolicy"):
        for policy in templates.all(kind):
            for arn, statement in _by_arn(policy.properties["PolicyDocument"]["Statement"]):
                found.setdefault(arn, []).append(statement)
    for key in templates.all("AWS::KMS::Key"):
        arn = arn_of("kms", f"key/{key.id}")
        found[arn] = list(key.properties["KeyPolicy"]["Statement"])
    return found


def _by_arn(statements: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Statement]]:
    for statement in statements:
        for arn in {one.partition("/")[0] for one in listed(statement["Resource"])}:
            yield arn, statement
