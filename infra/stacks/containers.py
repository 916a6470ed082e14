"""Task definitions: the five services, the migration of the database, and Neo4j."""

from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs

from infra.names import (
    SYSTEM,
    digest_parameter,
    log_group,
    logical,
    repository,
    role_arn,
)
from infra.profiles import Profile, Task
from infra.stacks.environment import (
    STOP_S,
    WORKER_STOP_S,
    Variables,
    as_service_user,
    database,
    in_aws,
    secrets_of,
    variables,
)
from infra.stacks.network import GATEWAY_PORT
from infra.stacks.start_roles import start_role
from infra.stacks.stores import Stores

_Container = ecs.CfnTaskDefinition.ContainerDefinitionProperty
USER = "10001"
MIGRATION = "migrate"
DATABASE_USER_STEP = "database-user"
_MAKE_USER = (Path(__file__).parents[1] / "database_user.py").read_text()
# Neo4j's image takes name and password in one variable. A shell puts them together, so that the
# password is in the secret alone. Its variable does not begin with NEO4J_: those become settings.
_NEO4J = 'NEO4J_AUTH="neo4j/$GRAPH_PASSWORD" exec /startup/docker-entrypoint.sh neo4j'


class Image:
    """An image in ECR, by the digest that a parameter of its stack names."""

    def __init__(self, stack: cdk.Stack, name: str) -> None:
        digest = cdk.CfnParameter(
            stack,
            digest_parameter(name),
            type="String",
            allowed_pattern="sha256:[0-9a-f]{64}",
            description=f"Digest of the image {repository(name)}",
        )
        self.name = name
        home = f"{cdk.Aws.ACCOUNT_ID}.dkr.ecr.{cdk.Aws.REGION}.{cdk.Aws.URL_SUFFIX}"
        self.uri = f"{home}/{repository(name)}@{digest.value_as_string}"


class Containers:
    """Makes task definitions in a stack, each with a start role and a log group of its own."""

    def __init__(self, stack: cdk.Stack, profile: Profile, stores: Stores) -> None:
        self._stack, self._profile, self._stores = stack, profile, stores

    def service(self, image: Image, role_ids: Mapping[str, str]) -> ecs.CfnTaskDefinition:
        name, task = image.name, self._profile.tasks[image.name]
        secrets = secrets_of(name, self._stores)
        ports = [ecs.CfnTaskDefinition.PortMappingProperty(container_port=GATEWAY_PORT)]
        container = self._container(
            image,
            name,
            task,
            variables(name, self._profile, self._stores, role_ids),
            secrets,
            port_mappings=ports if name == "gateway" else None,
            stop_timeout=STOP_S.get(name, WORKER_STOP_S),
            health_check=ecs.CfnTaskDefinition.HealthCheckProperty(
                command=["CMD", "python", "-m", "shared.health"],
                interval=15,
                timeout=10,
                retries=3,
                start_period=60,
            ),
        )
        return self._definition(name, [container], name, secrets, role_arn(name))

    def migration(self, image: Image) -> ecs.CfnTaskDefinition:
        """Ingestion's image twice: first it makes its own user, then, as that user, the tables."""
        admin = self._stores.postgres.admin_secret
        secrets = {"PGUSER": f"{admin}:username::", "PGPASSWORD": f"{admin}:password::"}
        told = database(self._stores)
        task = Task(cpu=256, memory_mib=512, tmp_mib=64, low=0, high=1)
        first = self._container(
            image,
            MIGRATION,
            task,
            told,
            secrets,
            name=DATABASE_USER_STEP,
            command=["python", "-c", _MAKE_USER],
            essential=False,
        )
        made = ecs.CfnTaskDefinition.ContainerDependencyProperty(
            container_name=DATABASE_USER_STEP, condition="SUCCESS"
        )
        second = self._container(
            image,
            MIGRATION,
            task,
            told | as_service_user() | in_aws(),
            {},
            command=["python", "-m", "services.ingestion.migrate"],
            stop_timeout=WORKER_STOP_S,
            depends_on=[made],
        )
        role = role_arn("ingestion")
        return self._definition(MIGRATION, [first, second], image.name, {"admin": admin}, role)

    def graph(self, image: Image, folder: str) -> ecs.CfnTaskDefinition:
        """Neo4j with its data in a folder of its host."""
        name, memory = image.name, self._profile.graph_memory_mib
        task = Task(cpu=1024, memory_mib=memory, tmp_mib=64, low=1, high=1)
        secrets = {"GRAPH_PASSWORD": self._stores.secrets["neo4j-password"].ref}
        told = {
            "NEO4J_server_memory_heap_initial__size": f"{memory // 3}m",
            "NEO4J_server_memory_heap_max__size": f"{memory // 3}m",
            "NEO4J_server_memory_pagecache_size": f"{memory // 3}m",
            "NEO4J_dbms_usage__report_enabled": "false",
        }
        container = self._container(
            image,
            name,
            task,
            told,
            secrets,
            entry_point=["sh", "-c", _NEO4J],
            port_mappings=[ecs.CfnTaskDefinition.PortMappingProperty(container_port=7687)],
            mount_points=[
                ecs.CfnTaskDefinition.MountPointProperty(
                    container_path="/data", source_volume="graph", read_only=False
                )
            ],
            stop_timeout=WORKER_STOP_S,
            # Its entry writes the configuration that the variables give.
            readonly_root_filesystem=False,
            user="7474",
        )
        volume = ecs.CfnTaskDefinition.VolumeProperty(
            name="graph",
            host=ecs.CfnTaskDefinition.HostVolumePropertiesProperty(source_path=folder),
        )
        return self._definition(name, [container], name, secrets, None, [volume])

    def _container(
        self,
        image: Image,
        family: str,
        task: Task,
        told: Variables,
        secrets: Variables,
        *,
        name: str | None = None,
        essential: bool = True,
        readonly_root_filesystem: bool = True,
        user: str = USER,
        **more: object,
    ) -> _Container:
        return _Container(
            name=name or family,
            image=image.uri,
            essential=essential,
            cpu=task.cpu,
            memory=task.memory_mib,
            user=user,
            readonly_root_filesystem=readonly_root_filesystem,
            linux_parameters=_confined(task),
            docker_security_options=["no-new-privileges"],
            environment=[
                ecs.CfnTaskDefinition.KeyValuePairProperty(name=key, value=value)
                for key, value in sorted(told.items())
            ],
            secrets=[
                ecs.CfnTaskDefinition.SecretProperty(name=key, value_from=value)
                for key, value in sorted(secrets.items())
            ],
            log_configuration=_logged(family),
            **more,  # type: ignore[arg-type]
        )

    def _definition(
        self,
        name: str,
        containers: list[_Container],
        image: str,
        secrets: Variables,
        role: str | None,
        volumes: list[ecs.CfnTaskDefinition.VolumeProperty] | None = None,
    ) -> ecs.CfnTaskDefinition:
        group = logs.CfnLogGroup(
            self._stack,
            f"{logical(name)}Log",
            log_group_name=log_group(name),
            retention_in_days=self._profile.log_days,
            kms_key_id=self._stores.key.attr_arn,
        )
        start = start_role(self._stack, name, image, [*secrets.values()], self._stores.key)
        made = ecs.CfnTaskDefinition(
            self._stack,
            f"{logical(name)}Task",
            family=f"{SYSTEM}-{name}",
            network_mode="awsvpc",
            requires_compatibilities=["EC2"],
            task_role_arn=role,
            execution_role_arn=start.attr_arn,
            container_definitions=containers,
            volumes=volumes,
        )
        made.add_resource_dependency(group)
        cdk.Tags.of(made).add("service", name)
        return made


def _confined(task: Task) -> ecs.CfnTaskDefinition.LinuxParametersProperty:
    tmp = ecs.CfnTaskDefinition.TmpfsProperty(
        container_path="/tmp",  # noqa: S108 (the container's own)
        size=task.tmp_mib,
        mount_options=["rw", "nosuid", "nodev"],
    )
    return ecs.CfnTaskDefinition.LinuxParametersProperty(
        init_process_enabled=True,
        capabilities=ecs.CfnTaskDefinition.KernelCapabilitiesProperty(drop=["ALL"]),
        tmpfs=[tmp],
    )


def _logged(name: str) -> ecs.CfnTaskDefinition.LogConfigurationProperty:
    """A container never waits for its log."""
    return ecs.CfnTaskDefinition.LogConfigurationProperty(
        log_driver="awslogs",
        options={
            "awslogs-group": log_group(name),
            "awslogs-region": cdk.Aws.REGION,
            "awslogs-stream-prefix": name,
            "mode": "non-blocking",
            "max-buffer-size": "4m",
        },
    )
