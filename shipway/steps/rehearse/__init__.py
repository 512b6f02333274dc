"""Rehearse: the pending migrations run on a restored copy, measured and judged."""
