"""Backup: a dump with its manifest, where it is kept, its copies elsewhere, how long it stays."""
