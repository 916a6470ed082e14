"""The OpenSearch domain."""

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_opensearchservice as opensearch
from constructs import Construct

from infra.names import SEARCH_DOMAIN, arn, role_arn
from infra.profiles import Profile
from infra.rights import SEARCH_ACTIONS, policy
from infra.stacks.network import Network


class Search(Construct):
    """OpenSearch, for retrieval's role alone. It is made again from the manifests when lost."""

    def __init__(
        self, scope: Construct, profile: Profile, network: Network, key: kms.CfnKey
    ) -> None:
        super().__init__(scope, "Search")
        domain = arn("es", f"domain/{SEARCH_DOMAIN}")
        nodes = profile.search_nodes
        access = {
            "Effect": "Allow",
            "Principal": {"AWS": role_arn("retrieval")},
            "Action": [*SEARCH_ACTIONS],
            "Resource": f"{domain}/*",
        }
        made = opensearch.CfnDomain(
            self,
            "Domain",
            domain_name=SEARCH_DOMAIN,
            engine_version=profile.search_version,
            access_policies=policy([access]),
            cluster_config=opensearch.CfnDomain.ClusterConfigProperty(
                instance_type=profile.search_class,
                instance_count=nodes,
                zone_awareness_enabled=nodes > 1,
                zone_awareness_config=opensearch.CfnDomain.ZoneAwarenessConfigProperty(
                    availability_zone_count=2
                )
                if nodes > 1
                else None,
            ),
            ebs_options=opensearch.CfnDomain.EBSOptionsProperty(
                ebs_enabled=True, volume_type="gp3", volume_size=profile.search_gib
            ),
            vpc_options=opensearch.CfnDomain.VPCOptionsProperty(
                subnet_ids=network.store_subnets[: min(nodes, 2)],
                security_group_ids=[network.groups["search"].security_group_id],
            ),
            encryption_at_rest_options=opensearch.CfnDomain.EncryptionAtRestOptionsProperty(
                enabled=True, kms_key_id=key.ref
            ),
            node_to_node_encryption_options=(
                opensearch.CfnDomain.NodeToNodeEncryptionOptionsProperty(enabled=True)
            ),
            domain_endpoint_options=opensearch.CfnDomain.DomainEndpointOptionsProperty(
                enforce_https=True, tls_security_policy="Policy-Min-TLS-1-2-PFS-2023-10"
            ),
        )
        made.apply_removal_policy(cdk.RemovalPolicy.RETAIN)
        self.url = f"https://{made.attr_domain_endpoint}"
