"""Alembic's environment; run at start, never from a shell."""
