"""Restore: a backup is brought back, timed, and held against its manifest."""
