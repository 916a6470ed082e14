"""The registry and work ledger in PostgreSQL."""
