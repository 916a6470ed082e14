"""What retrieval does: search, look at an entity's neighbourhood, index."""
