"""Invoke's side: names, help, arguments; translations only."""
