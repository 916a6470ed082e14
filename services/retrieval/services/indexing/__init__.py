"""The index: versions come in, are deleted, and are rebuilt from their manifests."""
