"""What the gateway does: accept and show documents, find passages, answer questions."""
