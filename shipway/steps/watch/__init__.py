"""Watch: the logs of the new version, counted and judged with numbers."""
