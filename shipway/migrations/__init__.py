"""Migration files, their SQL and the order in which they run: pure code, no contact with a server."""
