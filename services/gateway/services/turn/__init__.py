"""A turn: from a question to its recorded answer. Begin with turn.py."""
