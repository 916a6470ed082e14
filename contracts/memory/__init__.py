"""Messages owned by memory."""
