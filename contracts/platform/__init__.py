"""Messages that every service may send."""
