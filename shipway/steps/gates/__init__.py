"""Gates: what must hold before a release begins, and before it changes anything."""
