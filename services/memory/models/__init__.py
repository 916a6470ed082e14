"""What a remembered turn is and how long it lives."""
