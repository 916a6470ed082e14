"""Documents: taken in, shown, listed, deleted."""
