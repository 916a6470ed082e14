"""The buckets of contracts/topology.py, and one for the load balancer's access logs."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from contracts.topology import BUCKETS, Bucket
from infra.names import OPERATOR, SYSTEM, bucket_arn, bucket_name, logical, queue_arn, role_arn
from infra.rights import Statement, policy
from infra.stacks.refusals import over_plain_http, senders_only

ACCESS_LOGS = f"{SYSTEM}-access-logs"
_UNFINISHED_DAYS = 1
_ACCESS_LOG_DAYS = 90
_Rule = s3.CfnBucket.RuleProperty


class Buckets(Construct):
    """Kept when the stack goes. What a service removes is gone: no version of it stays."""

    def __init__(self, scope: Construct, key: kms.CfnKey) -> None:
        super().__init__(scope, "Buckets")
        for bucket in BUCKETS.values():
            self._bucket(bucket, key)
        self._access_logs()

    def _bucket(self, bucket: Bucket, key: kms.CfnKey) -> None:
        rule = s3.CfnBucket.ServerSideEncryptionRuleProperty(
            bucket_key_enabled=True,
            server_side_encryption_by_default=(
                s3.CfnBucket.ServerSideEncryptionByDefaultProperty(
                    sse_algorithm="aws:kms", kms_master_key_id=key.attr_arn
                )
            ),
        )
        made = s3.CfnBucket(
            self,
            logical(bucket.name),
            bucket_name=bucket_name(bucket.name),
            bucket_encryption=s3.CfnBucket.BucketEncryptionProperty(
                server_side_encryption_configuration=[rule]
            ),
            lifecycle_configuration=s3.CfnBucket.LifecycleConfigurationProperty(
                rules=_rules(bucket)
            ),
            notification_configuration=_notices(bucket),
            object_lock_enabled=bucket.lock_days is not None,
            object_lock_configuration=_lock(bucket),
            cors_configuration=_cors(bucket),
            versioning_configuration=_versions(bucket),
            public_access_block_configuration=_private(),
            ownership_controls=_owned(),
            logging_configuration=s3.CfnBucket.LoggingConfigurationProperty(
                destination_bucket_name=bucket_name(ACCESS_LOGS),
                log_file_prefix=f"s3/{bucket.name}/",
            ),
        )
        made.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        self._policy(bucket, made)

    def _policy(self, bucket: Bucket, made: s3.CfnBucket) -> None:
        arn = bucket_arn(bucket.name)
        statements = [over_plain_http("s3:*", [arn, f"{arn}/*"])]
        for prefix in bucket.prefixes:
            place, name = f"{arn}/{prefix.name}*", logical(prefix.name.strip("/"))
            removing = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
            for verb, action, roles in (
                ("Put", ["s3:PutObject"], prefix.writers),
                ("Remove", removing, prefix.removers),
            ):
                allowed = [role_arn(role) for role in sorted({*roles, OPERATOR})]
                statements.append(senders_only(action, [place], allowed, f"{verb}{name}"))
        s3.CfnBucketPolicy(
            self,
            f"{logical(bucket.name)}Policy",
            bucket=made.ref,
            policy_document=policy(statements),
        )

    def _access_logs(self) -> None:
        """The load balancer writes to buckets with S3's own key only."""
        rule = s3.CfnBucket.ServerSideEncryptionRuleProperty(
            server_side_encryption_by_default=(
                s3.CfnBucket.ServerSideEncryptionByDefaultProperty(sse_algorithm="AES256")
            )
        )
        made = s3.CfnBucket(
            self,
            "AccessLogs",
            bucket_name=bucket_name(ACCESS_LOGS),
            bucket_encryption=s3.CfnBucket.BucketEncryptionProperty(
                server_side_encryption_configuration=[rule]
            ),
            lifecycle_configuration=s3.CfnBucket.LifecycleConfigurationProperty(
                rules=[_Rule(status="Enabled", prefix="", expiration_in_days=_ACCESS_LOG_DAYS)]
            ),
            public_access_block_configuration=_private(),
            ownership_controls=_owned(),
        )
        made.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        arn = bucket_arn(ACCESS_LOGS)
        balancers = f"{arn}/balancer/AWSLogs/{cdk.Aws.ACCOUNT_ID}/*"
        account = {"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
        writers = [
            _writes("logdelivery.elasticloadbalancing.amazonaws.com", balancers, {}),
            _writes("logging.s3.amazonaws.com", f"{arn}/s3/*", account),
        ]
        refused = over_plain_http("s3:*", [arn, f"{arn}/*"])
        written = s3.CfnBucketPolicy(
            self, "AccessLogsPolicy", bucket=made.ref, policy_document=policy([refused, *writers])
        )
        for other in self.node.find_all():
            if isinstance(other, s3.CfnBucket) and other is not made:
                other.node.add_dependency(written)


def _writes(service: str, place: str, condition: dict[str, Any]) -> Statement:
    return {
        "Sid": "".join(part.title() for part in service.split(".")[:2]),
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "s3:PutObject",
        "Resource": place,
    } | ({"Condition": condition} if condition else {})


def _rules(bucket: Bucket) -> list[_Rule]:
    """What goes by itself: expired prefixes, and parts of broken uploads."""
    expiring = [
        _Rule(
            id=prefix.name.strip("/"),
            status="Enabled",
            prefix=prefix.name,
            expiration_in_days=prefix.expires_days,
        )
        for prefix in bucket.prefixes
        if prefix.expires_days
    ]
    unfinished = s3.CfnBucket.AbortIncompleteMultipartUploadProperty(
        days_after_initiation=_UNFINISHED_DAYS
    )
    rest = _Rule(
        id="unfinished-uploads",
        status="Enabled",
        prefix="",
        abort_incomplete_multipart_upload=unfinished,
    )
    return [*expiring, rest]


def _notices(bucket: Bucket) -> Any:
    told = [
        s3.CfnBucket.QueueConfigurationProperty(
            event="s3:ObjectCreated:*",
            queue=queue_arn(prefix.notifies),
            filter=s3.CfnBucket.NotificationFilterProperty(
                s3_key=s3.CfnBucket.S3KeyFilterProperty(
                    rules=[s3.CfnBucket.FilterRuleProperty(name="prefix", value=prefix.name)]
                )
            ),
        )
        for prefix in bucket.prefixes
        if prefix.notifies
    ]
    if not told:
        return None
    return s3.CfnBucket.NotificationConfigurationProperty(queue_configurations=told)


def _versions(bucket: Bucket) -> Any:
    """Where they are locked, or removed with their object. Else they would keep deleted files."""
    if bucket.lock_days is None and not bucket.erases:
        return None
    return s3.CfnBucket.VersioningConfigurationProperty(status="Enabled")


def _lock(bucket: Bucket) -> Any:
    """Nobody, not even the account's root, changes or removes what was written in that time."""
    if bucket.lock_days is None:
        return None
    retention = s3.CfnBucket.DefaultRetentionProperty(mode="COMPLIANCE", days=bucket.lock_days)
    return s3.CfnBucket.ObjectLockConfigurationProperty(
        object_lock_enabled="Enabled",
        rule=s3.CfnBucket.ObjectLockRuleProperty(default_retention=retention),
    )


def _cors(bucket: Bucket) -> Any:
    """Any page may try: the form that the gateway signed decides."""
    if not bucket.browsers:
        return None
    rule = s3.CfnBucket.CorsRuleProperty(
        allowed_origins=["*"], allowed_methods=["POST"], allowed_headers=["*"]
    )
    return s3.CfnBucket.CorsConfigurationProperty(cors_rules=[rule])


def _private() -> s3.CfnBucket.PublicAccessBlockConfigurationProperty:
    return s3.CfnBucket.PublicAccessBlockConfigurationProperty(
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
    )


def _owned() -> s3.CfnBucket.OwnershipControlsProperty:
    rule = s3.CfnBucket.OwnershipControlsRuleProperty(object_ownership="BucketOwnerEnforced")
    return s3.CfnBucket.OwnershipControlsProperty(rules=[rule])
