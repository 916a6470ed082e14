"""One file per message type."""
