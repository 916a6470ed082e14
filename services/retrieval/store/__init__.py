"""The search stores and the graph: SQLite, OpenSearch, Neo4j."""
