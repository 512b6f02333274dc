"""Shipway takes a Supabase database and a Vercel app from one version to the next."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("shipway")
