"""The search store of the cloud: OpenSearch, with passages in one index and heads in another."""
