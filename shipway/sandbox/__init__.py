"""Local stand-ins of the Supabase and Vercel APIs, and the embedded database dressed as Supabase."""
