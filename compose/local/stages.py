"""In which order processes stop: the services drain while their stores still live."""

from contracts.topology import SERVICES

STAGES = (SERVICES, ("bedrock",), ("aws", "postgres", "valkey", "opensearch", "neo4j"))
