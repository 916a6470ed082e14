"""A real OpenSearch with the k-NN plugin, as one node on loopback."""
