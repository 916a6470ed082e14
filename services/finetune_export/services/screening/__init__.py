"""Finds secrets and personal data in text, and puts placeholders in their place."""
