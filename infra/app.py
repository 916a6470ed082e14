"""The CDK app: the stacks of a profile, in the order in which they are deployed."""

from pathlib import Path

import aws_cdk as cdk

from infra.acknowledged import acknowledge
from infra.names import SYSTEM
from infra.profiles import Profile
from infra.stacks.cluster import Cluster
from infra.stacks.deployer import Deployer
from infra.stacks.messages import Messages
from infra.stacks.network import Network
from infra.stacks.services import Services
from infra.stacks.stores import Stores
from infra.stacks.watch import Watch


def build(profile: Profile, folder: Path) -> cdk.App:
    """The app; `synth()` writes its templates into `folder`. No account and no region is named."""
    app = cdk.App(outdir=str(folder), analytics_reporting=False)

    def options(what: str) -> dict[str, object]:
        return {
            "description": f"RagOps ({profile.name}): {what}",
            "synthesizer": cdk.BootstraplessSynthesizer(),
        }

    network = Network(app, profile, **options("the network"))
    messages = Messages(app, profile, **options("queues, topics and roles"))
    stores = Stores(app, profile, network, **options("everything that holds data"))
    stores.add_stack_dependency(messages)
    cluster = Cluster(app, profile, network, stores, **options("hosts and the migration"))
    services = Services(
        app, profile, network, messages.roles, stores, cluster, **options("the services")
    )
    Watch(app, profile, services.balancer, **options("alarms, dashboards and the budget"))
    Deployer(app, **options("the role that deploys"))
    cdk.Tags.of(app).add("system", SYSTEM)
    acknowledge(app, profile)
    return app
