"""PostgreSQL: the registry, the worklist, what is to be purged, and the caches."""
