"""One file for each resource, a method for each message about it."""
