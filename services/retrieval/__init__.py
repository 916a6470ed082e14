"""Retrieval: indexes passages and finds them again, each with the reason why."""
