"""A text as blocks, and the blocks as chunks."""
