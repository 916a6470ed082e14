"""LocalStack 4.5.0 without Docker: its own environment, DynamoDB Local from Maven."""
