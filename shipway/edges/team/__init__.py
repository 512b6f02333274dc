"""The team: notices, GitHub, git, and who sits here."""
