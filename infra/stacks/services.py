"""RagOps-services: the five services and the graph as ECS services, behind one load balancer."""

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_servicediscovery as discovery
from constructs import Construct

from infra.names import CLUSTER, GRAPH, logical
from infra.profiles import Profile
from infra.stacks.balancer import Balancer
from infra.stacks.cluster import GRAPH_FOLDER, Cluster
from infra.stacks.containers import Containers, Image
from infra.stacks.environment import ZONE
from infra.stacks.network import GATEWAY_PORT, Network
from infra.stacks.scaling import Scaling
from infra.stacks.stores import Stores

# First over the zones, then as few hosts as will do.
_SPREAD = [
    ecs.CfnService.PlacementStrategyProperty(
        type="spread", field="attribute:ecs.availability-zone"
    ),
    ecs.CfnService.PlacementStrategyProperty(type="binpack", field="memory"),
]


# Readers before writers: a new reader takes old messages, an old one rejects new messages.
ROLL_ORDER: Mapping[str, tuple[str, ...]] = {
    "retrieval": (GRAPH,),
    "memory": (),
    "finetune_export": (),
    "ingestion": ("retrieval", "memory", "finetune_export"),
    "gateway": ("ingestion",),
}


class Services(cdk.Stack):
    """One change set of this stack is a deploy or a roll-back: the images are its parameters."""

    def __init__(
        self,
        scope: Construct,
        profile: Profile,
        network: Network,
        roles: Mapping[str, iam.CfnRole],
        stores: Stores,
        cluster: Cluster,
        **options: object,
    ) -> None:
        super().__init__(scope, "RagOps-services", **options)  # type: ignore[arg-type]
        self._network = network
        self.balancer = Balancer(self, network)
        containers = Containers(self, profile, stores)
        role_ids = {name: role.attr_role_id for name, role in roles.items()}
        made = {GRAPH: self._graph(containers, cluster)}
        for name in ROLL_ORDER:
            definition = containers.service(Image(self, name), role_ids)
            service = self._service(name, definition, cluster.services)
            made[name] = service
            for before in ROLL_ORDER[name]:
                service.add_resource_dependency(made[before])
            cdk.Tags.of(service).add("service", name)
            Scaling(self, name, profile.tasks[name], service, self.balancer)
        cdk.CfnOutput(self, "Url", value=f"https://{self.balancer.address}")

    def _service(
        self,
        name: str,
        definition: ecs.CfnTaskDefinition,
        provider: str,
        *,
        least_percent: int = 100,
        most_percent: int = 200,
        registry: str | None = None,
    ) -> ecs.CfnService:
        """How many run is left to scaling, so that a deploy does not undo it."""
        service = ecs.CfnService
        behind = service.LoadBalancerProperty(
            container_name=name,
            container_port=GATEWAY_PORT,
            target_group_arn=self.balancer.targets,
        )
        made = service(
            self,
            f"{logical(name)}Service",
            cluster=CLUSTER,
            service_name=name,
            task_definition=definition.ref,
            capacity_provider_strategy=[
                service.CapacityProviderStrategyItemProperty(capacity_provider=provider, weight=1)
            ],
            network_configuration=self._in_network(name),
            load_balancers=[behind] if name == "gateway" else None,
            health_check_grace_period_seconds=60 if name == "gateway" else None,
            service_registries=[service.ServiceRegistryProperty(registry_arn=registry)]
            if registry
            else None,
            deployment_configuration=service.DeploymentConfigurationProperty(
                minimum_healthy_percent=least_percent,
                maximum_percent=most_percent,
                deployment_circuit_breaker=service.DeploymentCircuitBreakerProperty(
                    enable=True, rollback=True
                ),
            ),
            placement_strategies=_SPREAD,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            enable_execute_command=False,
        )
        if name == "gateway":
            made.add_resource_dependency(self.balancer.listener)
        return made

    def _in_network(self, name: str) -> ecs.CfnService.NetworkConfigurationProperty:
        return ecs.CfnService.NetworkConfigurationProperty(
            awsvpc_configuration=ecs.CfnService.AwsVpcConfigurationProperty(
                subnets=self._network.task_subnets,
                security_groups=[self._network.groups[name].security_group_id],
                assign_public_ip="DISABLED",
            )
        )

    def _graph(self, containers: Containers, cluster: Cluster) -> ecs.CfnService:
        """One at a time: two servers must never hold the same files."""
        zone = discovery.CfnPrivateDnsNamespace(
            self, "Zone", name=ZONE, vpc=self._network.vpc.vpc_id
        )
        record = discovery.CfnService.DnsRecordProperty(type="A", ttl=10)
        name = discovery.CfnService(
            self,
            "GraphName",
            name=GRAPH,
            namespace_id=zone.ref,
            dns_config=discovery.CfnService.DnsConfigProperty(dns_records=[record]),
        )
        definition = containers.graph(Image(self, GRAPH), GRAPH_FOLDER)
        return self._service(
            GRAPH,
            definition,
            cluster.graph,
            least_percent=0,
            most_percent=100,
            registry=name.attr_arn,
        )
