-- What stands beside the project's schemas, as an archive's table of contents names it: what of it
-- is there is not brought back a second time.
select 'TRIGGER ' || n.nspname || ' ' || c.relname || ' ' || t.tgname
  from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_namespace n on n.oid = relnamespace
 where not tgisinternal
union all
select 'POLICY ' || n.nspname || ' ' || c.relname || ' ' || p.polname
  from pg_policy p join pg_class c on c.oid = p.polrelid join pg_namespace n on n.oid = relnamespace
union all
select 'PUBLICATION TABLE ' || n.nspname || ' ' || p.pubname || ' ' || c.relname
  from pg_publication_rel r join pg_publication p on p.oid = r.prpubid
  join pg_class c on c.oid = r.prrelid join pg_namespace n on n.oid = relnamespace
union all select 'SCHEMA - ' || nspname from pg_namespace
union all select 'EXTENSION - ' || extname from pg_extension
union all select 'PUBLICATION - ' || pubname from pg_publication
union all select 'EVENT TRIGGER - ' || evtname from pg_event_trigger
union all select 'PROCEDURAL LANGUAGE - ' || lanname from pg_language
union all select 'ACCESS METHOD - ' || amname from pg_am
union all select 'FOREIGN DATA WRAPPER - ' || fdwname from pg_foreign_data_wrapper
union all select 'SERVER - ' || srvname from pg_foreign_server
union all select 'USER MAPPING - USER MAPPING ' || usename || ' SERVER ' || srvname from pg_user_mappings
union all
select 'CAST - CAST (' || format_type(castsource, null) || ' AS ' || format_type(casttarget, null) || ')'
  from pg_cast
