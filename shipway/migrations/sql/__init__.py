"""SQL read as PostgreSQL reads it: cut into statements, which are told apart by kind."""
