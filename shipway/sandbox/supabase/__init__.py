"""The stand-in of Supabase's Management API."""
