"""Messages owned by gateway."""
