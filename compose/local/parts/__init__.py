"""The processes: what starts each, how it tells that it is ready, how it ends."""
