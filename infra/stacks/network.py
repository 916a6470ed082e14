"""RagOps-network: the VPC, the ways to AWS, and who may talk to whom in it."""

from collections.abc import Iterable

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from contracts.topology import SERVICES
from infra.names import GRAPH, SYSTEM, arn
from infra.profiles import Profile
from infra.rights import allow, policy
from infra.stacks.trust import trusting

PUBLIC, TASKS, STORES = "public", "tasks", "stores"
GATEWAY_PORT = 8080
# From, to, port.
TALKS = (
    ("balancer", "gateway", GATEWAY_PORT),
    ("gateway", "redis", 6379),
    ("ingestion", "postgres", 5432),
    ("retrieval", "search", 443),
    ("retrieval", GRAPH, 7687),
)
_CALLERS = (*SERVICES, "hosts", GRAPH)
_GROUPS = (*SERVICES, "balancer", "hosts", "endpoints", "redis", "postgres", "search", GRAPH)


class Network(cdk.Stack):
    """Subnets: `public` (load balancer, NAT), `tasks`, and `stores` with no way outside."""

    def __init__(self, scope: Construct, profile: Profile, **options: object) -> None:
        super().__init__(scope, "RagOps-network", **options)  # type: ignore[arg-type]
        self._nat = profile.way_out == "nat"
        self.vpc = self._vpc()
        self.groups = {
            name: ec2.SecurityGroup(
                self,
                f"{name}-group",
                vpc=self.vpc,
                allow_all_outbound=False,
                description=f"{SYSTEM} {name}",
            )
            for name in _GROUPS
        }
        self._talk()
        self._endpoints(profile.endpoints)
        self._flow_log(profile)

    @property
    def task_subnets(self) -> list[str]:
        return [subnet.subnet_id for subnet in self._subnets(TASKS)]

    @property
    def store_subnets(self) -> list[str]:
        return [subnet.subnet_id for subnet in self._subnets(STORES)]

    @property
    def public_subnets(self) -> list[str]:
        return [subnet.subnet_id for subnet in self._subnets(PUBLIC)]

    def first_task_subnet(self) -> ec2.ISubnet:
        """Where what lives in one zone lives: the graph with its volume."""
        return self._subnets(TASKS)[0]

    def _subnets(self, name: str) -> list[ec2.ISubnet]:
        return self.vpc.select_subnets(subnet_group_name=name).subnets

    def _vpc(self) -> ec2.Vpc:
        egress, isolated = ec2.SubnetType.PRIVATE_WITH_EGRESS, ec2.SubnetType.PRIVATE_ISOLATED
        tasks = egress if self._nat else isolated
        return ec2.Vpc(
            self,
            "Vpc",
            vpc_name=SYSTEM,
            max_azs=2,
            nat_gateways=1 if self._nat else 0,
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name=PUBLIC,
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=24,
                    map_public_ip_on_launch=False,
                ),
                ec2.SubnetConfiguration(name=TASKS, subnet_type=tasks, cidr_mask=21),
                ec2.SubnetConfiguration(name=STORES, subnet_type=isolated, cidr_mask=24),
            ],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": ec2.GatewayVpcEndpointOptions(
                    service=ec2.GatewayVpcEndpointAwsService.DYNAMODB
                ),
            },
        )

    def _talk(self) -> None:
        groups = self.groups
        groups["balancer"].add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "people")
        groups["balancer"].add_ingress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(80), "to be sent on")
        for one, other, port in TALKS:
            groups[other].add_ingress_rule(groups[one], ec2.Port.tcp(port), f"from {one}")
            groups[one].add_egress_rule(groups[other], ec2.Port.tcp(port), f"to {other}")
        # AWS itself: endpoints have addresses of the VPC, those of S3 and DynamoDB are public.
        for name in _CALLERS:
            groups[name].add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "AWS")
            groups["endpoints"].add_ingress_rule(groups[name], ec2.Port.tcp(443), f"from {name}")

    def _endpoints(self, services: Iterable[str]) -> None:
        if self._nat:
            return
        for service in services:
            self.vpc.add_interface_endpoint(
                service.replace(".", "-"),
                service=ec2.InterfaceVpcEndpointAwsService(service, port=443),
                subnets=ec2.SubnetSelection(subnet_group_name=TASKS),
                security_groups=[self.groups["endpoints"]],
                open=False,
            )

    def _flow_log(self, profile: Profile) -> None:
        """Refused connections only: what was allowed is in the services' own logs."""
        name = f"/{SYSTEM}/network"
        kept = logs.CfnLogGroup(
            self, "FlowLogGroup", log_group_name=name, retention_in_days=profile.log_days
        )
        group = arn("logs", f"log-group:{name}:*")
        actions = [
            *("logs:CreateLogStream", "logs:PutLogEvents"),
            *("logs:DescribeLogGroups", "logs:DescribeLogStreams"),
        ]
        writer = iam.CfnRole(
            self,
            "FlowLogRole",
            assume_role_policy_document=trusting("vpc-flow-logs.amazonaws.com"),
            policies=[
                iam.CfnRole.PolicyProperty(
                    policy_name="write", policy_document=policy([allow("Write", actions, [group])])
                )
            ],
        )
        made = ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=self.vpc.vpc_id,
            resource_type="VPC",
            traffic_type="REJECT",
            log_group_name=name,
            deliver_logs_permission_arn=writer.attr_arn,
        )
        made.add_resource_dependency(kept)
