"""What a terminal or a CI log shows, line by line and live."""
