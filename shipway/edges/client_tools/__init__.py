"""pg_dump, pg_restore and psql: found, connected, and what they say read without data."""
