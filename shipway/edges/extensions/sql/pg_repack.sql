--! default_version = '1.5.2'
--! versions = '1.4.8 1.5.0 1.5.1 1.5.3'
-- The program pg_repack asks these for its version; nothing is packed anew here.

create schema repack;
create function repack.version() returns text language sql return 'pg_repack 1.5.2'::text;
create function repack.version_sql() returns text language sql return 'pg_repack 1.5.2'::text;
