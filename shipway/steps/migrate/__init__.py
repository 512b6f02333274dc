"""Migrate: the pending files run on the target, each with its row of the ledger."""
