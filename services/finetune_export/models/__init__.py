"""What an archived turn is and under which key it lies."""
