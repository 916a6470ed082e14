"""Trains models with training sets, and brings them to users."""
