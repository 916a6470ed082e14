"""Versioned contracts: envelope, messages, topology and HTTP shapes; pydantic and stdlib only."""
