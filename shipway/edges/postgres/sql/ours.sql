-- Begins each query of a snapshot: the schemas of the project, and what an extension brought.
with ours as (
    select oid, nspname from pg_namespace
    where nspname !~ '^pg_' and nspname <> 'information_schema' and nspname <> all (%(platform)s)
), brought as (
    select classid, objid from pg_depend where deptype = 'e'
)
