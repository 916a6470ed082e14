"""RagOps-cluster: the hosts that tasks run on, and the task that migrates the database."""

import aws_cdk as cdk
from aws_cdk import aws_autoscaling as autoscaling
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.names import CLUSTER, GRAPH, SYSTEM, arn, logical
from infra.profiles import Profile
from infra.rights import Statement, allow, policy
from infra.stacks.containers import Containers, Image
from infra.stacks.network import Network
from infra.stacks.stores import Stores

AMI = "/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"
_AGENT = "service-role/AmazonEC2ContainerServiceforEC2Role"
# A task may not take on its host's role.
_JOIN = f"""#!/bin/bash
set -euo pipefail
echo ECS_CLUSTER={CLUSTER} >> /etc/ecs/ecs.config
echo ECS_AWSVPC_BLOCK_IMDS=true >> /etc/ecs/ecs.config
echo ECS_CONTAINER_STOP_TIMEOUT=120s >> /etc/ecs/ecs.config
"""
# The volume comes along when the host is replaced: the one before lets go of it when it ends.
_MOUNT = """command -v aws > /dev/null || dnf install -y -q awscli-2
api=http://169.254.169.254/latest
token=$(curl -sfX PUT $api/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 300')
host=$(curl -sfH "X-aws-ec2-metadata-token: $token" $api/meta-data/instance-id)
until aws ec2 attach-volume --region {region} --volume-id {volume} \\
    --instance-id "$host" --device /dev/xvdf; do sleep 5; done
volume={volume}
device=/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${{volume/-/}}
until [ -e "$device" ]; do sleep 1; done
blkid "$device" || mkfs.xfs "$device"
mkdir -p /graph
mount "$device" /graph
chown 7474:7474 /graph
"""
GRAPH_FOLDER = "/graph"


class Cluster(cdk.Stack):
    """Two groups of hosts: one that grows for the services, and one host that holds the graph."""

    def __init__(
        self,
        scope: Construct,
        profile: Profile,
        network: Network,
        stores: Stores,
        **options: object,
    ) -> None:
        super().__init__(scope, "RagOps-cluster", **options)  # type: ignore[arg-type]
        self._network = network
        settings = ecs.CfnCluster.ClusterSettingsProperty(name="containerInsights", value="enabled")
        cluster = ecs.CfnCluster(self, "Cluster", cluster_name=CLUSTER, cluster_settings=[settings])
        self.services = self._hosts(
            "services", profile.host_class, profile.hosts_low, profile.hosts_high, _JOIN, []
        )
        mount = _MOUNT.format(region=cdk.Aws.REGION, volume=stores.graph.volume_id)
        volume = arn("ec2", f"volume/{stores.graph.volume_id}")
        attach = [
            allow("AttachVolume", ["ec2:AttachVolume"], [volume]),
            allow(
                "ToOwnHost",
                ["ec2:AttachVolume"],
                [arn("ec2", "instance/*")],
                {"StringEquals": {"aws:ResourceTag/Name": f"{SYSTEM}-{GRAPH}-host"}},
            ),
        ]
        self.graph = self._hosts(GRAPH, profile.graph_class, 1, 1, _JOIN + mount, attach)
        ecs.CfnClusterCapacityProviderAssociations(
            self,
            "Providers",
            cluster=cluster.ref,
            capacity_providers=[self.services, self.graph],
            default_capacity_provider_strategy=[
                ecs.CfnClusterCapacityProviderAssociations.CapacityProviderStrategyProperty(
                    capacity_provider=self.services, weight=1
                )
            ],
        )
        Containers(self, profile, stores).migration(Image(self, "ingestion"))
        # Where the deploy command runs the migration and the ledger's begin.
        subnets = cdk.Fn.join(",", network.task_subnets)
        cdk.CfnOutput(self, "TaskSubnets", value=subnets)
        for service in ("ingestion", "gateway"):
            group = network.groups[service].security_group_id
            cdk.CfnOutput(self, f"{logical(service)}Group", value=group)

    def _hosts(
        self,
        name: str,
        kind: str,
        low: int,
        high: int,
        script: str,
        rights: list[Statement],
    ) -> str:
        """A group of hosts; the name of its capacity provider."""
        id_ = logical(name)
        template = self._template(name, kind, script, self._profile_of(name, rights))
        subnets = self._network.task_subnets
        version = template.attr_latest_version_number
        group = autoscaling.CfnAutoScalingGroup(
            self,
            f"{id_}Group",
            min_size=str(low),
            # A host is replaced before the one before it goes; the graph's volume has one home.
            max_size=str(high),
            vpc_zone_identifier=subnets[:1] if name == GRAPH else subnets,
            launch_template=autoscaling.CfnAutoScalingGroup.LaunchTemplateSpecificationProperty(
                launch_template_id=template.ref, version=version
            ),
            new_instances_protected_from_scale_in=True,
            health_check_type="EC2",
        )
        cdk.Tags.of(group).add("Name", f"{SYSTEM}-{name}-host", apply_to_launched_instances=True)
        provider = ecs.CfnCapacityProvider(
            self,
            f"{id_}Capacity",
            name=f"{SYSTEM}-{name}",
            auto_scaling_group_provider=ecs.CfnCapacityProvider.AutoScalingGroupProviderProperty(
                auto_scaling_group_arn=group.ref,
                managed_scaling=ecs.CfnCapacityProvider.ManagedScalingProperty(
                    status="ENABLED", target_capacity=100
                ),
                managed_termination_protection="ENABLED",
                managed_draining="ENABLED",
            ),
        )
        return provider.ref

    def _template(
        self, name: str, kind: str, script: str, profile: iam.CfnInstanceProfile
    ) -> ec2.CfnLaunchTemplate:
        launch = ec2.CfnLaunchTemplate
        return launch(
            self,
            f"{logical(name)}Host",
            launch_template_data=launch.LaunchTemplateDataProperty(
                image_id=f"{{{{resolve:ssm:{AMI}}}}}",
                instance_type=kind,
                iam_instance_profile=launch.IamInstanceProfileProperty(arn=profile.attr_arn),
                security_group_ids=[self._network.groups["hosts"].security_group_id],
                metadata_options=launch.MetadataOptionsProperty(
                    http_tokens="required", http_put_response_hop_limit=1
                ),
                monitoring=launch.MonitoringProperty(enabled=True),
                user_data=cdk.Fn.base64(script),
                block_device_mappings=[
                    launch.BlockDeviceMappingProperty(
                        device_name="/dev/xvda",
                        ebs=launch.EbsProperty(volume_size=30, volume_type="gp3", encrypted=True),
                    )
                ],
            ),
        )

    def _profile_of(self, name: str, rights: list[Statement]) -> iam.CfnInstanceProfile:
        own = [iam.CfnRole.PolicyProperty(policy_name="own", policy_document=policy(rights))]
        role = iam.CfnRole(
            self,
            f"{logical(name)}HostRole",
            # EC2 tells no source account when it takes on a role.
            assume_role_policy_document=policy(
                [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "ec2.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ]
            ),
            managed_policy_arns=[f"arn:{cdk.Aws.PARTITION}:iam::aws:policy/{_AGENT}"],
            policies=own if rights else None,
        )
        return iam.CfnInstanceProfile(self, f"{logical(name)}Profile", roles=[role.ref])
