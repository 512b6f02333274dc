"""Verify: the database is what the project promises; drift from it is told."""
