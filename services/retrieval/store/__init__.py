"""The only code that touches the search store."""
