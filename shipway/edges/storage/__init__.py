"""Where copies of backups are kept: Supabase Storage, S3, encrypted with age."""
