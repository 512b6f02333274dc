"""Supabase's Management API and logs."""
