"""Measures a running system's answers against a set of questions with known answers."""
