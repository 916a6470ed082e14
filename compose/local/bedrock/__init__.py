"""The Bedrock stand-in: Bedrock's own wire over a local embedding model and answerer."""
