"""Ports: distinct free ones, and a message that says who has a taken one and what to do."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from compose.local.errors import LocalError, PortInUse
from compose.local.layout import REPOSITORY
from compose.local.plan import Plan
from compose.local.ports import free_ports, require_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        yield listener.getsockname()[1]


def test_free_ports_are_distinct_and_free() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    for port in ports:
        require_free(port, "PORT")


def test_another_process_is_given_other_ports() -> None:
    program = "from compose.local.ports import free_ports; print(free_ports(300)); input()"
    ports: set[int] = set(free_ports(300))
    with subprocess.Popen(
        (sys.executable, "-c", program),
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        others = json.loads(other.stdout.readline())
        own = free_ports(300)
        other.communicate(b"\n")
    assert len({*ports, *others, *own}) == 900


def test_no_free_port_is_one_that_an_outgoing_connection_or_port_0_may_take() -> None:
    given = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first = int(given.read_text().split()[0]) if given.exists() else 49_152
    assert max(free_ports(300)) < first


def test_a_taken_port_is_told_with_its_owner_and_the_way_out(taken: int) -> None:
    with pytest.raises(PortInUse) as caught:
        require_free(taken, "AWS_PORT")
    told = str(caught.value)
    assert f"Port {taken} is already in use" in told
    assert f"process {os.getpid()}" in told
    assert f"make run AWS_PORT={taken + 10}" in told


def test_a_plan_refuses_the_taken_port_and_takes_free_ones_for_zero(taken: int) -> None:
    with pytest.raises(PortInUse):
        Plan.make(taken, 0, "ministack")
    plan = Plan.make(0, 0, "ministack")
    ports = {plan.port, plan.aws_port, plan.bedrock_port, plan.valkey_port, plan.postgres_port}
    assert len(ports) == 5
    assert plan.aws_url == f"http://127.0.0.1:{plan.aws_port}"


def test_a_plan_takes_a_running_emulator_by_its_url() -> None:
    assert Plan.make(0, 0, "http://127.0.0.1:4566").aws_url == "http://127.0.0.1:4566"


def test_a_plan_refuses_an_unknown_emulator() -> None:
    with pytest.raises(LocalError, match="use ministack, localstack or a URL"):
        Plan.make(0, 0, "mystack")
