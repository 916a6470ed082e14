"""What a principal, a session, an accepted note and a refusal are."""
