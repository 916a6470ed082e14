"""The graph: a search's leg along it, and the neighbourhood of an entity."""
