"""Stand-ins for extensions that a server does not bring: real behaviour in plain SQL."""
