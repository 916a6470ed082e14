"""Makes training sets out of the archive."""
