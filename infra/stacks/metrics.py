"""The metrics of CloudWatch by which services scale and are watched."""

from dataclasses import dataclass

from infra.names import CLUSTER, NAMESPACE


@dataclass(frozen=True)
class Metric:
    """A metric of CloudWatch by name and dimensions, in a statistic."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    stat: str


def waiting(queue: str) -> Metric:
    name = "ApproximateNumberOfMessagesVisible"
    return Metric("AWS/SQS", name, (("QueueName", queue),), "Maximum")


def running(service: str) -> Metric:
    return _of_tasks(service, "RunningTaskCount")


def desired(service: str) -> Metric:
    """Tasks that run, and those that are about to."""
    return _of_tasks(service, "DesiredTaskCount")


def _of_tasks(service: str, name: str) -> Metric:
    dimensions = (("ClusterName", CLUSTER), ("ServiceName", service))
    return Metric("ECS/ContainerInsights", name, dimensions, "Average")


def alive(service: str) -> Metric:
    """Each task says so every five seconds while its loops get on (EMF, shared/lifecycle.py)."""
    return Metric(NAMESPACE, "Alive", (("service", service),), "Sum")


def claimable() -> Metric:
    """Documents that ingestion's workers may claim. The queue is empty: intake is fast."""
    return Metric(NAMESPACE, "claimable_documents", (("service", "ingestion"),), "Maximum")


def oldest(queue: str) -> Metric:
    dimensions = (("QueueName", queue),)
    return Metric("AWS/SQS", "ApproximateAgeOfOldestMessage", dimensions, "Maximum")
