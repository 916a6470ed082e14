"""What a worker does with a version: read, cut, embed, write the manifest, report."""
