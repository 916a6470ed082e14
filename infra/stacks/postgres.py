"""PostgreSQL on RDS: ingestion's registry."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_rds as rds
from constructs import Construct

from infra.names import DATABASE, SYSTEM
from infra.profiles import Profile
from infra.stacks.network import Network

POSTGRES_PORT = 5432
ADMIN = "ragops_admin"


class Postgres(Construct):
    """Ingestion's registry. Its services log in with IAM; RDS keeps the first user's password."""

    def __init__(
        self, scope: Construct, profile: Profile, network: Network, key: kms.CfnKey
    ) -> None:
        super().__init__(scope, "Postgres")
        subnets = rds.CfnDBSubnetGroup(
            self, "Subnets", db_subnet_group_description=SYSTEM, subnet_ids=network.store_subnets
        )
        made = rds.CfnDBInstance(
            self,
            "Server",
            engine="postgres",
            engine_version="17.6",
            db_instance_class=profile.database_class,
            db_instance_identifier=SYSTEM,
            db_name=DATABASE,
            allocated_storage=str(profile.database_gib),
            max_allocated_storage=profile.database_gib * 5,
            storage_type="gp3",
            storage_encrypted=True,
            kms_key_id=key.attr_arn,
            multi_az=profile.database_two_zones,
            master_username=ADMIN,
            manage_master_user_password=True,
            master_user_secret=rds.CfnDBInstance.MasterUserSecretProperty(kms_key_id=key.attr_arn),
            enable_iam_database_authentication=True,
            db_parameter_group_name=self._parameters(),
            db_subnet_group_name=subnets.ref,
            vpc_security_groups=[network.groups["postgres"].security_group_id],
            publicly_accessible=False,
            backup_retention_period=profile.backup_days,
            copy_tags_to_snapshot=True,
            deletion_protection=True,
            auto_minor_version_upgrade=True,
            enable_cloudwatch_logs_exports=["postgresql"],
            port=str(POSTGRES_PORT),
        )
        made.apply_removal_policy(cdk.RemovalPolicy.SNAPSHOT)
        self.host = made.attr_endpoint_address
        self.resource_id = made.attr_dbi_resource_id
        self.admin_secret = made.attr_master_user_secret_secret_arn

    def _parameters(self) -> str:
        made = rds.CfnDBParameterGroup(
            self,
            "Parameters",
            family="postgres17",
            description="TLS only; slow statements are logged",
            parameters={"rds.force_ssl": "1", "log_min_duration_statement": "1000"},
        )
        return made.ref
