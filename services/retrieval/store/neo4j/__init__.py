"""The knowledge graph of the cloud: Neo4j, one statement a search."""
