"""What retrieval works with: versions, passages, heads, scopes, scores."""
