"""Entities by rules, or by a model if there is one: what a passage is about, what it names."""
