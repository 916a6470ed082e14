"""Entities without a model: what a passage is about, and what it names."""
