"""Takes documents in, chunks and embeds them, and keeps the registry of all versions."""
