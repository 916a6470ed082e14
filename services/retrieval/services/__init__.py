"""The use cases of retrieval; every decision is here."""
