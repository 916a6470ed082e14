"""One file for each HTTP resource or message type."""
