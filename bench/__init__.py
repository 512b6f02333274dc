"""Measures shipway, mostly beside other tools: `scripts/bench`. Each module is a section."""
