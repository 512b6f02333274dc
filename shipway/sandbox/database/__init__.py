"""The sandbox's database: dressed as Supabase, and what migrations make of an empty one."""
