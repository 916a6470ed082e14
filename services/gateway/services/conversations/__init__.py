"""Conversations of a user: shown, exported, summarised, deleted; the erasure of a user."""
