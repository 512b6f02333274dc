"""What a database's catalog and statistics say: schema, rights, lints, load, workload."""
