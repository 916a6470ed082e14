"""The search store of the cloud: OpenSearch, passages in Lucene's HNSW and BM25, heads beside."""
