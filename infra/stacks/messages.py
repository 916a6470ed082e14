"""RagOps-messages: queues, topics and task roles, all of them made from contracts/topology.py."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from contracts.topology import (
    BUCKETS,
    DEAD_LETTER_RETENTION_S,
    MAX_RECEIVE_COUNT,
    QUEUES,
    SERVICES,
    SUBSCRIPTIONS,
    TOPICS,
    TRAINER,
    TRAINING_EVENTS,
    Queue,
    Topic,
)
from infra.names import (
    OPERATOR,
    TRAINING_RULE,
    bucket_arn,
    logical,
    queue_arn,
    role_arn,
    role_name,
    rule_arn,
    topic_arn,
)
from infra.profiles import Profile
from infra.rights import (
    Statement,
    allow,
    machine_rights,
    message_rights,
    model_rights,
    operator_rights,
    policy,
    training_rights,
    via,
)
from infra.stacks.refusals import account_administers, over_plain_http, senders_only
from infra.stacks.trust import ACCOUNT, people, sources_of, training_jobs, trusting


class Messages(cdk.Stack):
    """The roles are here, since queues, buckets and the search domain name them."""

    def __init__(self, scope: Construct, profile: Profile, **options: object) -> None:
        super().__init__(scope, "RagOps-messages", **options)  # type: ignore[arg-type]
        self.key = self._key()
        self.roles = {
            service: self._role(
                service,
                trusting("ecs-tasks.amazonaws.com"),
                [
                    *message_rights(service, self.key.attr_arn),
                    *model_rights(service, profile.models),
                    *(training_rights(profile.models) if service == "finetune_export" else ()),
                ],
            )
            for service in SERVICES
        }
        rights = [
            *operator_rights(),
            allow(
                "MessageKey",
                ["kms:Decrypt", "kms:GenerateDataKey"],
                [self.key.attr_arn],
                via("sqs", "sns"),
            ),
        ]
        self.roles[OPERATOR] = self._role(OPERATOR, people(), rights)
        # Its rights on sets and models are in the stores.
        machines = [*machine_rights(profile.models)]
        self.roles[TRAINER] = self._role(TRAINER, training_jobs(), machines)
        made = {one.name: self._queue(one) for one in QUEUES.values()}
        self._tell_of_trainings(made[TRAINING_EVENTS])
        self.topics = {one.name: self._topic(one) for one in TOPICS.values()}
        for one in SUBSCRIPTIONS:
            self._subscribe(one.topic, one.queue, one.types, made[one.queue])

    def _key(self) -> kms.CfnKey:
        """Without the statements for AWS services their messages vanish and nobody is told."""
        sources = (
            ("sns", "aws:SourceArn", [topic_arn(name) for name in TOPICS]),
            ("s3", "aws:SourceArn", [bucket_arn(name) for name in BUCKETS]),
            ("events", "aws:SourceArn", [rule_arn(TRAINING_RULE)]),
        )
        statements = [
            {
                "Sid": f"{service.title()}Sends",
                "Effect": "Allow",
                "Principal": {"Service": f"{service}.amazonaws.com"},
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": "*",
                "Condition": {"ArnLike": {key: arns}, "StringEquals": ACCOUNT},
            }
            for service, key, arns in sources
        ]
        key = kms.CfnKey(
            self,
            "MessagesKey",
            description="RagOps: messages in queues and topics",
            enable_key_rotation=True,
            pending_window_in_days=30,
            key_policy=policy([account_administers(), *statements]),
        )
        key.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        kms.CfnAlias(self, "Alias", alias_name="alias/ragops-messages", target_key_id=key.ref)
        return key

    def _role(self, name: str, trust: Any, statements: list[Statement]) -> iam.CfnRole:
        messages = iam.CfnRole.PolicyProperty(
            policy_name="messages", policy_document=policy(statements)
        )
        return iam.CfnRole(
            self,
            f"{logical(name)}Role",
            role_name=role_name(name),
            assume_role_policy_document=trust,
            policies=[messages] if statements else [],
        )

    def _tell_of_trainings(self, queue: sqs.CfnQueue) -> None:
        """EventBridge's word is best effort: finetune_export also looks by itself."""
        rule = events.CfnRule(
            self,
            "Trainings",
            name=TRAINING_RULE,
            event_pattern={
                "source": ["aws.bedrock", "aws.sagemaker"],
                "detail-type": [
                    "Model Customization Job State Change",
                    "SageMaker Training Job State Change",
                ],
            },
            targets=[events.CfnRule.TargetProperty(id=TRAINING_EVENTS, arn=queue.attr_arn)],
        )
        rule.node.add_dependency(self.node.find_child(f"{logical(TRAINING_EVENTS)}Policy"))

    def _queue(self, queue: Queue) -> sqs.CfnQueue:
        dead = sqs.CfnQueue(
            self,
            logical(queue.dead_letters),
            queue_name=queue.dead_letters,
            message_retention_period=DEAD_LETTER_RETENTION_S,
            kms_master_key_id=self.key.attr_arn,
            kms_data_key_reuse_period_seconds=300,
            redrive_allow_policy={
                "redrivePermission": "byQueue",
                "sourceQueueArns": [queue_arn(queue.name)],
            },
        )
        made = sqs.CfnQueue(
            self,
            logical(queue.name),
            queue_name=queue.name,
            visibility_timeout=queue.visibility_s,
            message_retention_period=queue.retention_s,
            maximum_message_size=queue.limit_bytes,
            kms_master_key_id=self.key.attr_arn,
            kms_data_key_reuse_period_seconds=300,
            redrive_policy={
                "deadLetterTargetArn": dead.attr_arn,
                "maxReceiveCount": MAX_RECEIVE_COUNT,
            },
        )
        self._queue_policy(made, queue.name, [*queue.sending_services], sources_of(queue))
        topics = [statement for statement in sources_of(queue) if statement["Sid"] == "Topics"]
        self._queue_policy(dead, queue.dead_letters, [queue.consumer], topics)
        return made

    def _queue_policy(
        self, queue: sqs.CfnQueue, name: str, senders: list[str], sources: list[Statement]
    ) -> None:
        """AWS services get their permission here, roles in their own policies."""
        arn, roles = queue_arn(name), [role_arn(one) for one in (*senders, OPERATOR)]
        statements = [
            over_plain_http("sqs:*", [arn]),
            senders_only("sqs:SendMessage", [arn], roles),
            *({**one, "Resource": arn} for one in sources),
        ]
        made = sqs.CfnQueuePolicy(
            self, f"{logical(name)}Policy", queues=[queue.ref], policy_document=policy(statements)
        )
        made.apply_removal_policy(cdk.RemovalPolicy.DESTROY)

    def _topic(self, topic: Topic) -> sns.CfnTopic:
        made = sns.CfnTopic(
            self,
            f"{logical(topic.name)}Topic",
            topic_name=topic.name,
            kms_master_key_id=self.key.ref,
        )
        arn = topic_arn(topic.name)
        publishers = [role_arn(one) for one in topic.publishers]
        sns.CfnTopicPolicy(
            self,
            f"{logical(topic.name)}TopicPolicy",
            topics=[made.ref],
            policy_document=policy(
                [
                    over_plain_http("sns:Publish", [arn]),
                    senders_only("sns:Publish", [arn], publishers),
                    {
                        "Sid": "Publishers",
                        "Effect": "Allow",
                        "Principal": {
                            "AWS": [self.roles[one].attr_arn for one in topic.publishers]
                        },
                        "Action": "sns:Publish",
                        "Resource": arn,
                    },
                ]
            ),
        )
        return made

    def _subscribe(
        self, topic: str, queue: str, types: tuple[str, ...], made: sqs.CfnQueue
    ) -> None:
        subscription = sns.CfnSubscription(
            self,
            f"{logical(topic)}To{logical(queue)}",
            topic_arn=self.topics[topic].ref,
            protocol="sqs",
            endpoint=made.attr_arn,
            raw_message_delivery=True,
            filter_policy={"type": [*types]},
            redrive_policy={"deadLetterTargetArn": queue_arn(QUEUES[queue].dead_letters)},
        )
        for name in (queue, QUEUES[queue].dead_letters):
            policy_of = self.node.find_child(f"{logical(name)}Policy")
            subscription.node.add_dependency(policy_of)
