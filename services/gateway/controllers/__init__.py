"""One file for each resource: its HTTP routes, and its messages."""
