"""The stacks, in the order in which they are deployed."""

# Images can be pushed once these are there.
BEFORE_IMAGES = ("RagOps-network", "RagOps-messages", "RagOps-stores")
# What runs; `make destroy` takes it away again.
AFTER_STORES = ("RagOps-cluster", "RagOps-services", "RagOps-watch")
