"""Migration files, their SQL and the order in which they run: no contact with a server."""
