"""How many tasks of a service run, and by which measure (docs/adr/0039)."""

from collections.abc import Sequence

from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from contracts.topology import QUEUES
from infra.names import CLUSTER, SYSTEM, arn, logical
from infra.profiles import Task
from infra.scaling_rules import RULES
from infra.stacks.balancer import Balancer
from infra.stacks.metrics import Metric, claimable, desired, waiting

_Policy = scaling.CfnScalingPolicy


class Scaling(Construct):
    """Policies of one service. The one that wants most tasks wins; all must agree on fewer."""

    def __init__(
        self,
        scope: Construct,
        service: str,
        task: Task,
        running_service: ecs.CfnService,
        balancer: Balancer,
    ) -> None:
        super().__init__(scope, f"{logical(service)}Scaling")
        self._service = service
        role = "aws-service-role/ecs.application-autoscaling.amazonaws.com/"
        role += "AWSServiceRoleForApplicationAutoScaling_ECSService"
        target = scaling.CfnScalableTarget(
            self,
            "Target",
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=f"service/{CLUSTER}/{service}",
            min_capacity=task.low,
            max_capacity=task.high,
            role_arn=arn("iam", f"role/{role}", region=""),
        )
        target.add_resource_dependency(running_service)
        self._target = target.ref
        self._cpu()
        for queue, target_value in RULES.backlog.items():
            if QUEUES[queue].consumer == service:
                self._per_task(logical(queue), waiting(queue), target_value)
        if service == "ingestion":
            self._per_task("Claimable", claimable(), RULES.claimable)
        if service in RULES.queries:
            self._by_waiting(RULES.queries[service])
        if service == "gateway":
            self._streams(balancer)

    def _cpu(self) -> None:
        specification = _Policy.PredefinedMetricSpecificationProperty(
            predefined_metric_type="ECSServiceAverageCPUUtilization"
        )
        self._track("Cpu", RULES.cpu_percent, predefined_metric_specification=specification)

    def _streams(self, balancer: Balancer) -> None:
        """Open connections a gateway: an answer is a stream of many seconds and of little CPU."""
        dimensions = (("LoadBalancer", balancer.name),)
        streams = Metric("AWS/ApplicationELB", "ActiveConnectionCount", dimensions, "Sum")
        self._per_task("Streams", streams, RULES.connections)

    def _per_task(self, name: str, metric: Metric, target_value: float) -> None:
        """Work over tasks; a service that is at zero counts as one task.

        Over desired tasks: over running ones, those that still start would be wanted once more.
        """
        queries = [
            _query("work", metric),
            _query("tasks", desired(self._service)),
            _Policy.TargetTrackingMetricDataQueryProperty(
                id="each",
                label="work of each task",
                expression="FILL(work,0)/IF(FILL(tasks,0)>0,tasks,1)",
                return_data=True,
            ),
        ]
        specification = _Policy.CustomizedMetricSpecificationProperty(metrics=queries)
        self._track(name, target_value, customized_metric_specification=specification)

    def _track(self, name: str, target_value: float, **metric: object) -> None:
        _Policy(
            self,
            name,
            policy_name=f"{SYSTEM}-{self._service}-{name.lower()}",
            policy_type="TargetTrackingScaling",
            scaling_target_id=self._target,
            target_tracking_scaling_policy_configuration=(
                _Policy.TargetTrackingScalingPolicyConfigurationProperty(
                    target_value=target_value,
                    scale_out_cooldown=RULES.out_cooldown_s,
                    scale_in_cooldown=RULES.in_cooldown_s,
                    **metric,  # type: ignore[arg-type]
                )
            ),
        )

    def _by_waiting(self, queue: str) -> None:
        """People wait for these answers: out at once when requests find no task that takes them.

        Not by the age of the oldest: that counts the one that is being answered too.
        """
        first, *_ = steps = RULES.steps
        ends = [*(step.waiting - first.waiting for step in steps[1:]), None]
        made = _Policy(
            self,
            "Requests",
            policy_name=f"{SYSTEM}-{self._service}-requests",
            policy_type="StepScaling",
            scaling_target_id=self._target,
            step_scaling_policy_configuration=_Policy.StepScalingPolicyConfigurationProperty(
                adjustment_type="PercentChangeInCapacity",
                min_adjustment_magnitude=1,
                metric_aggregation_type="Maximum",
                cooldown=RULES.step_cooldown_s,
                # Counted from the alarm's threshold.
                step_adjustments=[
                    _Policy.StepAdjustmentProperty(
                        metric_interval_lower_bound=step.waiting - first.waiting,
                        metric_interval_upper_bound=end,
                        scaling_adjustment=step.percent,
                    )
                    for step, end in zip(steps, ends, strict=True)
                ],
            ),
        )
        metric = waiting(queue)
        cloudwatch.CfnAlarm(
            self,
            "Waiting",
            alarm_name=f"{SYSTEM}-{self._service}-scales-out",
            namespace=metric.namespace,
            metric_name=metric.name,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
                for name, value in metric.dimensions
            ],
            statistic=metric.stat,
            period=60,
            evaluation_periods=1,
            threshold=first.waiting,
            comparison_operator="GreaterThanOrEqualToThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[made.ref],
        )


def _query(id_: str, metric: Metric) -> _Policy.TargetTrackingMetricDataQueryProperty:
    return _Policy.TargetTrackingMetricDataQueryProperty(
        id=id_,
        return_data=False,
        metric_stat=_Policy.TargetTrackingMetricStatProperty(
            stat=metric.stat,
            metric=_Policy.TargetTrackingMetricProperty(
                namespace=metric.namespace,
                metric_name=metric.name,
                dimensions=_dimensions(metric.dimensions),
            ),
        ),
    )


def _dimensions(
    pairs: Sequence[tuple[str, str]],
) -> list[_Policy.TargetTrackingMetricDimensionProperty]:
    return [
        _Policy.TargetTrackingMetricDimensionProperty(name=name, value=value)
        for name, value in pairs
    ]
