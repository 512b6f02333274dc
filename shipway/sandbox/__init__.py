"""Local stand-ins of the Supabase and Vercel APIs, and a Postgres dressed as Supabase."""
