"""The stand-in of Supabase Storage."""
