"""Vercel's API, CLI and logs, and the app's files that are sent there."""
