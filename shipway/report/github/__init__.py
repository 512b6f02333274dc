"""What GitHub Actions shows: annotations and the summary."""
