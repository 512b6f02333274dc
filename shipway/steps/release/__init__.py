"""Release: the order of the database's half, what is resumed, recorded and told to the team."""
