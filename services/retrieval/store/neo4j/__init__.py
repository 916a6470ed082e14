"""The knowledge graph of the cloud: Neo4j, one statement for each question."""
