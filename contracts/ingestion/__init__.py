"""Messages owned by ingestion."""
