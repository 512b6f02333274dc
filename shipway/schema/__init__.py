"""What a database holds and what it should hold: values and pure code."""
