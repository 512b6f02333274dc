"""Journal: what a release was about to do and what it did, and its effects announced there."""
