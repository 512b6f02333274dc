"""The ledger's statements: rows, books, repairs, and the Supabase CLI's history beside it."""
