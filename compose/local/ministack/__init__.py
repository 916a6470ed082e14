"""What we add to ministack; its own environment runs all of this except `generations`."""
