"""Migration files, their SQL and the order in which they run: pure, no I/O beyond reading the files."""
