"""The target's Postgres: connections, messages, locks, the ledger and the journal."""
