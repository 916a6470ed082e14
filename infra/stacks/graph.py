"""The graph's volume and its snapshots."""

import aws_cdk as cdk
from aws_cdk import aws_dlm as dlm
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.names import GRAPH, SYSTEM
from infra.profiles import Profile
from infra.stacks.network import Network
from infra.stacks.trust import trusting

# By this tag the daily snapshots find the volume.
_TAG = cdk.CfnTag(key="Name", value=f"{SYSTEM}-{GRAPH}")


class Graph(Construct):
    """Neo4j's volume with daily snapshots; the server itself is a task of RagOps-services."""

    def __init__(self, scope: Construct, profile: Profile, network: Network) -> None:
        super().__init__(scope, "Graph")
        volume = ec2.CfnVolume(
            self,
            "Volume",
            availability_zone=network.first_task_subnet().availability_zone,
            size=profile.graph_gib,
            volume_type="gp3",
            # With EC2's own key: a host could not attach a volume of ours without rights to it.
            encrypted=True,
            tags=[_TAG],
        )
        volume.apply_removal_policy(cdk.RemovalPolicy.SNAPSHOT)
        self.volume_id = volume.ref
        keeper = iam.CfnRole(
            self,
            "SnapshotRole",
            assume_role_policy_document=trusting("dlm.amazonaws.com"),
            managed_policy_arns=[
                (
                    f"arn:{cdk.Aws.PARTITION}:iam::aws:policy/service-role/"
                    "AWSDataLifecycleManagerServiceRole"
                )
            ],
        )
        dlm.CfnLifecyclePolicy(
            self,
            "Snapshots",
            description="daily snapshots of the graph",
            state="ENABLED",
            execution_role_arn=keeper.attr_arn,
            policy_details=dlm.CfnLifecyclePolicy.PolicyDetailsProperty(
                resource_types=["VOLUME"],
                target_tags=[_TAG],
                schedules=[
                    dlm.CfnLifecyclePolicy.ScheduleProperty(
                        name="daily",
                        create_rule=dlm.CfnLifecyclePolicy.CreateRuleProperty(
                            interval=24, interval_unit="HOURS", times=["03:00"]
                        ),
                        retain_rule=dlm.CfnLifecyclePolicy.RetainRuleProperty(
                            count=profile.backup_days
                        ),
                    )
                ],
            ),
        )
