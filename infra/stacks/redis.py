"""Redis in its two roles, as Valkey on ElastiCache."""

import aws_cdk as cdk
from aws_cdk import aws_elasticache as elasticache
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from infra.names import REDIS_USER, SYSTEM
from infra.profiles import Profile
from infra.stacks.network import Network


class Redis(Construct):
    """Two servers: the cache may evict, the ledger may not (docs/adr/0037)."""

    def __init__(
        self,
        scope: Construct,
        profile: Profile,
        network: Network,
        key: kms.CfnKey,
        password: secrets.CfnSecret,
    ) -> None:
        super().__init__(scope, "Redis")
        self._profile, self._network, self._key = profile, network, key
        self._subnets = elasticache.CfnSubnetGroup(
            self, "Subnets", description=SYSTEM, subnet_ids=network.store_subnets
        )
        reference = f"{{{{resolve:secretsmanager:{password.ref}:SecretString}}}}"
        user = elasticache.CfnUser(
            self,
            "User",
            engine="valkey",
            user_id=REDIS_USER,
            user_name=REDIS_USER,
            access_string="on ~* &* +@all -@admin -@dangerous",
            passwords=[reference],
        )
        self._users = elasticache.CfnUserGroup(
            self, "Users", engine="valkey", user_group_id=SYSTEM, user_ids=[user.ref]
        )
        self.cache = self._server("Cache", "allkeys-lru", profile.cache_nodes, 0)
        self.ledger = self._server(
            "Ledger", "noeviction", profile.ledger_nodes, min(35, profile.backup_days)
        )

    def _server(self, role: str, eviction: str, nodes: int, snapshots: int) -> str:
        """The address of its primary."""
        parameters = elasticache.CfnParameterGroup(
            self,
            f"{role}Parameters",
            cache_parameter_group_family="valkey8",
            description=f"{SYSTEM} {role.lower()}",
            properties={"maxmemory-policy": eviction},
        )
        made = elasticache.CfnReplicationGroup(
            self,
            role,
            replication_group_id=f"{SYSTEM}-{role.lower()}",
            replication_group_description=f"{SYSTEM} {role.lower()}",
            engine="valkey",
            engine_version="8.0",
            cache_node_type=self._profile.redis_class,
            num_cache_clusters=nodes,
            automatic_failover_enabled=nodes > 1,
            multi_az_enabled=nodes > 1,
            snapshot_retention_limit=snapshots,
            snapshot_window="03:00-04:00" if snapshots else None,
            at_rest_encryption_enabled=True,
            kms_key_id=self._key.attr_arn,
            transit_encryption_enabled=True,
            user_group_ids=[self._users.ref],
            cache_parameter_group_name=parameters.ref,
            cache_subnet_group_name=self._subnets.ref,
            security_group_ids=[self._network.groups["redis"].security_group_id],
            auto_minor_version_upgrade=True,
        )
        kept = cdk.RemovalPolicy.SNAPSHOT if snapshots else cdk.RemovalPolicy.RETAIN
        made.apply_removal_policy(kept)
        return made.attr_primary_end_point_address
