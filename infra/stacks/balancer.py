"""The load balancer: TLS outside, and times that long answers need."""

import aws_cdk as cdk
from aws_cdk import aws_elasticloadbalancingv2 as elb
from constructs import Construct

from infra.names import SYSTEM, bucket_name
from infra.stacks.buckets import ACCESS_LOGS
from infra.stacks.network import GATEWAY_PORT, Network

# An answer's stream says something every 15 s, so this is for a gateway that has died.
IDLE_S = 300
# Longer than the gateway's RAGOPS_DRAIN_S: streams under way end, new requests go elsewhere.
DEREGISTRATION_S = 115


class Balancer(Construct):
    """`CertificateArn` is a parameter: a certificate of ACM in the same region."""

    def __init__(self, scope: Construct, network: Network) -> None:
        super().__init__(scope, "Balancer")
        stack = cdk.Stack.of(self)
        certificate = cdk.CfnParameter(
            stack,
            "CertificateArn",
            type="String",
            allowed_pattern="arn:aws[a-z-]*:acm:.+:certificate/.+",
            description="ARN of an ACM certificate of this region, for HTTPS",
        )
        attributes = {
            "idle_timeout.timeout_seconds": str(IDLE_S),
            "routing.http.drop_invalid_header_fields.enabled": "true",
            "access_logs.s3.enabled": "true",
            "access_logs.s3.bucket": bucket_name(ACCESS_LOGS),
            "access_logs.s3.prefix": "balancer",
            "deletion_protection.enabled": "false",
        }
        made = elb.CfnLoadBalancer(
            self,
            "Balancer",
            name=SYSTEM,
            type="application",
            scheme="internet-facing",
            subnets=network.public_subnets,
            security_groups=[network.groups["balancer"].security_group_id],
            load_balancer_attributes=[
                elb.CfnLoadBalancer.LoadBalancerAttributeProperty(key=key, value=value)
                for key, value in attributes.items()
            ],
        )
        targets = self._targets(network)
        self.listener = self._listeners(made.ref, targets.ref, certificate.value_as_string)
        self.targets = targets.ref
        self.address = made.attr_dns_name
        self.name = made.attr_load_balancer_full_name
        self.targets_name = targets.attr_target_group_full_name

    def _targets(self, network: Network) -> elb.CfnTargetGroup:
        attributes = {
            "deregistration_delay.timeout_seconds": str(DEREGISTRATION_S),
            "load_balancing.algorithm.type": "least_outstanding_requests",
        }
        return elb.CfnTargetGroup(
            self,
            "Gateways",
            name=f"{SYSTEM}-gateway",
            vpc_id=network.vpc.vpc_id,
            target_type="ip",
            protocol="HTTP",
            port=GATEWAY_PORT,
            # Not /readyz: a gateway is fit while another service is not.
            health_check_path="/healthz",
            health_check_interval_seconds=10,
            health_check_timeout_seconds=5,
            healthy_threshold_count=2,
            unhealthy_threshold_count=3,
            target_group_attributes=[
                elb.CfnTargetGroup.TargetGroupAttributeProperty(key=key, value=value)
                for key, value in attributes.items()
            ],
        )

    def _listeners(self, balancer: str, targets: str, certificate: str) -> elb.CfnListener:
        action = elb.CfnListener.ActionProperty
        elb.CfnListener(
            self,
            "Http",
            load_balancer_arn=balancer,
            port=80,
            protocol="HTTP",
            default_actions=[
                action(
                    type="redirect",
                    redirect_config=elb.CfnListener.RedirectConfigProperty(
                        protocol="HTTPS", port="443", status_code="HTTP_301"
                    ),
                )
            ],
        )
        return elb.CfnListener(
            self,
            "Https",
            load_balancer_arn=balancer,
            port=443,
            protocol="HTTPS",
            ssl_policy="ELBSecurityPolicy-TLS13-1-2-2021-06",
            certificates=[elb.CfnListener.CertificateProperty(certificate_arn=certificate)],
            default_actions=[action(type="forward", target_group_arn=targets)],
        )
