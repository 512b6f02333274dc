"""One module per contact with the world."""
