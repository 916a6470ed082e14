"""The steps from nothing to today's tables, in order."""
