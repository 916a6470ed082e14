"""Spending: tenants' settings, limits, holds, alerts, usage, and the ledger made again."""
