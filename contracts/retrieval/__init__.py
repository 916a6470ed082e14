"""Messages owned by retrieval."""
