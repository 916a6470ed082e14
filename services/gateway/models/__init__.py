"""What a principal, a question and its turn's events, a session, a document and usage are."""
