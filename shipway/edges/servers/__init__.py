"""The embedded PostgreSQL servers that copies live on."""
