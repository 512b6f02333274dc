"""The HTTP client and its parts, and plain visits to pages."""
