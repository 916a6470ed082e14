"""What the dashboard of a service shows."""

from collections.abc import Mapping
from typing import Any

from contracts.topology import queues_of
from infra.names import CLUSTER, NAMESPACE
from infra.stacks.metrics import Metric, claimable, oldest, running, waiting


def widgets(service: str) -> list[dict[str, Any]]:
    """Tasks, processor and memory; then each queue: what waits, how old, what was given up."""
    usage = {
        name: Metric(
            "AWS/ECS", name, (("ClusterName", CLUSTER), ("ServiceName", service)), "Average"
        )
        for name in ("CPUUtilization", "MemoryUtilization")
    }
    shown: list[tuple[str, Mapping[str, Metric]]] = [
        ("Tasks", {"running": running(service)}),
        ("Percent of CPU and memory", usage),
    ]
    if service == "ingestion":
        shown.append(("Documents that wait for a worker", {"claimable": claimable()}))
    for queue in queues_of(service):
        series = {
            "waiting": waiting(queue.name),
            "oldest, s": oldest(queue.name),
            "dead letters": waiting(queue.dead_letters),
        }
        shown.append((queue.name, series))
    boxes = [_widget(title, series, place) for place, (title, series) in enumerate(shown)]
    search = f"SEARCH('{{{NAMESPACE},queue,outcome,service}} service=\"{service}\"', 'Sum', 60)"
    outcomes = _box("Outcomes of messages", len(shown))
    outcomes["properties"]["metrics"] = [[{"expression": search, "id": "outcomes"}]]
    return [*boxes, outcomes]


def _widget(title: str, series: Mapping[str, Metric], place: int) -> dict[str, Any]:
    box = _box(title, place)
    box["properties"]["metrics"] = [
        [
            metric.namespace,
            metric.name,
            *(word for pair in metric.dimensions for word in pair),
            {"label": label, "stat": metric.stat},
        ]
        for label, metric in series.items()
    ]
    return box


def _box(title: str, place: int) -> dict[str, Any]:
    return {
        "type": "metric",
        "x": place % 3 * 8,
        "y": place // 3 * 6,
        "width": 8,
        "height": 6,
        "properties": {"title": title, "region": "${AWS::Region}", "period": 60},
    }
