"""RagOps-watch: alarms, a dashboard for each service, and the month's budget."""

import json

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from contracts.topology import QUEUES, SERVICES, Queue
from infra.names import SYSTEM, logical
from infra.profiles import Profile
from infra.rights import policy
from infra.stacks.balancer import Balancer
from infra.stacks.budget import budget
from infra.stacks.dashboards import widgets
from infra.stacks.metrics import Metric, alive, oldest, running, waiting
from infra.stacks.refusals import account_administers, over_plain_http

# Seconds that the oldest message of a queue may be old. People wait for answers to requests; what
# is not listed may wait for a while.
OLDEST_S = {
    "retrieval-queries": 10,
    "memory-queries": 10,
    "ingestion-queries": 10,
    "retrieval-control": 30,
}
OTHERS_OLDEST_S = 600


class Watch(cdk.Stack):
    """Every alarm goes to one topic, to which people subscribe (`AlarmEmail` does so)."""

    def __init__(
        self, scope: Construct, profile: Profile, balancer: Balancer, **options: object
    ) -> None:
        super().__init__(scope, "RagOps-watch", **options)  # type: ignore[arg-type]
        self._pager = self._topic()
        self._email()
        for queue in QUEUES.values():
            self._queue(queue)
        self._balancer(balancer)
        for service in SERVICES:
            self._service(service)
            self._dashboard(service)
        budget(self, profile, self._pager)

    def _topic(self) -> str:
        services = ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]
        account = {"StringEquals": {"aws:SourceAccount": cdk.Aws.ACCOUNT_ID}}
        use = {
            "Sid": "AlarmsPublish",
            "Effect": "Allow",
            "Principal": {"Service": services},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "*",
            "Condition": account,
        }
        key = kms.CfnKey(
            self,
            "AlarmsKey",
            description="RagOps: alarms",
            enable_key_rotation=True,
            key_policy=policy([account_administers(), use]),
        )
        topic = sns.CfnTopic(
            self, "Alarms", topic_name=f"{SYSTEM}-alarms", kms_master_key_id=key.ref
        )
        publish = {
            "Sid": "AlarmsPublish",
            "Effect": "Allow",
            "Principal": {"Service": services},
            "Action": "sns:Publish",
            "Resource": topic.ref,
            "Condition": account,
        }
        refused = over_plain_http("sns:Publish", [topic.ref])
        sns.CfnTopicPolicy(
            self,
            "AlarmsPolicy",
            topics=[topic.ref],
            policy_document=policy([refused, publish]),
        )
        return topic.ref

    def _email(self) -> None:
        address = cdk.CfnParameter(
            self,
            "AlarmEmail",
            type="String",
            default="",
            description="Who gets the alarms by mail; AWS asks them to confirm. Empty: nobody",
        )
        wanted = cdk.CfnCondition(
            self,
            "HasEmail",
            expression=cdk.Fn.condition_not(cdk.Fn.condition_equals(address.value_as_string, "")),
        )
        subscription = sns.CfnSubscription(
            self,
            "Email",
            topic_arn=self._pager,
            protocol="email",
            endpoint=address.value_as_string,
        )
        subscription.cfn_options.condition = wanted

    def _queue(self, queue: Queue) -> None:
        name = logical(queue.name)
        self._alarm(
            f"{name}DeadLetters",
            waiting(queue.dead_letters),
            0,
            "GreaterThanThreshold",
            f"Messages of {queue.name} could not be handled: look with"
            f" `python -m shared.messaging show {queue.name}`",
        )
        oldest_s = OLDEST_S.get(queue.name, OTHERS_OLDEST_S)
        self._alarm(
            f"{name}Oldest",
            oldest(queue.name),
            oldest_s,
            "GreaterThanThreshold",
            f"The oldest message of {queue.name} has waited for more than {oldest_s} s",
            periods=3,
        )

    def _balancer(self, balancer: Balancer) -> None:
        whole = (("LoadBalancer", balancer.name),)
        both = (("LoadBalancer", balancer.name), ("TargetGroup", balancer.targets_name))
        space = "AWS/ApplicationELB"
        for name, metric, least, words in (
            (
                "GatewayFails",
                Metric(space, "HTTPCode_Target_5XX_Count", whole, "Sum"),
                5,
                "The gateway answered more than 5 requests a minute with 5xx",
            ),
            (
                "BalancerFails",
                Metric(space, "HTTPCode_ELB_5XX_Count", whole, "Sum"),
                5,
                "The load balancer reached no gateway for more than 5 requests a minute",
            ),
            (
                "GatewayUnhealthy",
                Metric(space, "UnHealthyHostCount", both, "Maximum"),
                0,
                "A gateway does not answer /healthz",
            ),
        ):
            self._alarm(name, metric, least, "GreaterThanThreshold", words, periods=3)

    def _service(self, service: str) -> None:
        self._alarm(
            f"{logical(service)}Down",
            running(service),
            1,
            "LessThanThreshold",
            f"No task of {service} runs",
            periods=3,
            missing="breaching",
        )
        self._alarm(
            f"{logical(service)}Silent",
            alive(service),
            1,
            "LessThanThreshold",
            f"{service} publishes no metrics: it hangs, or its log does not come in",
            periods=5,
            missing="breaching",
        )

    def _alarm(
        self,
        name: str,
        metric: Metric,
        threshold: float,
        comparison: str,
        words: str,
        *,
        periods: int = 1,
        missing: str = "notBreaching",
    ) -> None:
        """One minute a period."""
        cloudwatch.CfnAlarm(
            self,
            name,
            alarm_name=f"{SYSTEM}-{name}",
            alarm_description=words,
            namespace=metric.namespace,
            metric_name=metric.name,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=key, value=value)
                for key, value in metric.dimensions
            ],
            statistic=metric.stat,
            period=60,
            evaluation_periods=periods,
            threshold=threshold,
            comparison_operator=comparison,
            treat_missing_data=missing,
            alarm_actions=[self._pager],
            ok_actions=[self._pager],
        )

    def _dashboard(self, service: str) -> None:
        body = {"widgets": widgets(service)}
        cloudwatch.CfnDashboard(
            self,
            f"{logical(service)}Dashboard",
            dashboard_name=f"{SYSTEM}-{service.replace('_', '-')}",
            dashboard_body=cdk.Fn.sub(json.dumps(body)),
        )
