"""Seals: which rehearsal counts, and whether production still is what was rehearsed."""
