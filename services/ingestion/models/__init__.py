"""What a version, a claim, a parsed document and a chunk are."""
