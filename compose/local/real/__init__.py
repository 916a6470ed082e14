"""Real OpenSearch and Neo4j servers on this machine, without Docker: fetched once by Maven."""
