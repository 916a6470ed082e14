"""What memory does: remember, recall, list."""
