"""Restored copies to rehearse on: here, or as a Supabase branch."""
