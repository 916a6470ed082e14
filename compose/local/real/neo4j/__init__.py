"""A real Neo4j Community server on loopback."""
