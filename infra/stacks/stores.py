"""RagOps-stores: what must outlive the services. CloudFormation deletes nothing of it."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from contracts.topology import SECRETS, SERVICES, TABLES, TRAINER
from infra.names import (
    DATABASE_USER,
    IMAGES,
    OPERATOR,
    SEARCH_DOMAIN,
    SYSTEM,
    arn,
    logical,
    role_name,
    secret_name,
)
from infra.profiles import Profile
from infra.rights import (
    KEY_ACTIONS,
    SEARCH_ACTIONS,
    allow,
    bucket_rights,
    data_key_rights,
    policy,
    table_rights,
)
from infra.stacks.buckets import Buckets
from infra.stacks.graph import Graph
from infra.stacks.network import Network
from infra.stacks.postgres import Postgres
from infra.stacks.redis import Redis
from infra.stacks.refusals import account_administers
from infra.stacks.repositories import add_repository
from infra.stacks.search import Search
from infra.stacks.tables import add_table


class Stores(cdk.Stack):
    """Keys: `data` for buckets and tables, `archive` for users' keys, `stores` for the rest."""

    def __init__(
        self, scope: Construct, profile: Profile, network: Network, **options: object
    ) -> None:
        super().__init__(scope, "RagOps-stores", **options)  # type: ignore[arg-type]
        self.data_key = self._key("Data", "buckets and tables", [])
        self.archive_key = self._key("Archive", "what wraps each user's key in the archive", [])
        self.key = self._key("Stores", "servers, secrets and logs", [_logs_encrypt()])
        self.secrets = {name: self._secret(name) for names in SECRETS.values() for name in names}
        Buckets(self, self.data_key)
        for table in TABLES.values():
            add_table(self, table, self.data_key)
        self.postgres = Postgres(self, profile, network, self.key)
        self.redis = Redis(self, profile, network, self.key, self.secrets["redis-password"])
        self.search = Search(self, profile, network, self.key)
        self.graph = Graph(self, profile, network)
        for image in IMAGES:
            add_repository(self, image, self.key)
        for service in (*SERVICES, OPERATOR, TRAINER):
            self._rights(service)

    def _key(self, name: str, what: str, statements: list[dict[str, Any]]) -> kms.CfnKey:
        key = kms.CfnKey(
            self,
            f"{name}Key",
            description=f"RagOps: {what}",
            enable_key_rotation=True,
            pending_window_in_days=30,
            key_policy=policy([account_administers(), *statements]),
        )
        key.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        alias = f"alias/{SYSTEM}-{name.lower()}"
        kms.CfnAlias(self, f"{name}Alias", alias_name=alias, target_key_id=key.ref)
        return key

    def _secret(self, name: str) -> secrets.CfnSecret:
        """64 letters and digits, made by Secrets Manager: no template and no log shows them."""
        secret = secrets.CfnSecret(
            self,
            logical(name),
            name=secret_name(name),
            kms_key_id=self.key.attr_arn,
            generate_secret_string=secrets.CfnSecret.GenerateSecretStringProperty(
                exclude_punctuation=True, password_length=64
            ),
        )
        secret.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        return secret

    def _rights(self, service: str) -> None:
        """What a service's role may do in the stores; its messages are in RagOps-messages."""
        statements = [
            *bucket_rights(service),
            *table_rights(service),
            data_key_rights(service, self.data_key.attr_arn),
        ]
        if service == "ingestion":
            user = f"dbuser:{self.postgres.resource_id}/{DATABASE_USER}"
            statements.append(allow("Database", ["rds-db:connect"], [arn("rds-db", user)]))
        if service == "finetune_export":
            statements.append(allow("UserKeys", KEY_ACTIONS, [self.archive_key.attr_arn]))
        if service == "retrieval":
            domain = arn("es", f"domain/{SEARCH_DOMAIN}")
            statements.append(allow("Search", SEARCH_ACTIONS, [domain, f"{domain}/*"]))
        iam.CfnRolePolicy(
            self,
            f"{logical(service)}Rights",
            role_name=role_name(service),
            policy_name="stores",
            policy_document=policy(statements),
        )


def _logs_encrypt() -> dict[str, Any]:
    groups = arn("logs", f"log-group:/{SYSTEM}/*")
    return {
        "Sid": "LogsEncrypt",
        "Effect": "Allow",
        "Principal": {"Service": f"logs.{cdk.Aws.REGION}.amazonaws.com"},
        "Action": [
            *("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"),
            *("kms:ReEncryptFrom", "kms:ReEncryptTo"),
        ],
        "Resource": "*",
        "Condition": {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    }
