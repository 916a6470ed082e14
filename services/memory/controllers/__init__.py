"""One file for each message that memory handles."""
