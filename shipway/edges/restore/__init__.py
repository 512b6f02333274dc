"""An archive restored: into a copy, or in the place of what a target holds."""
