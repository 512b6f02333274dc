-- Policies and triggers. A project may put policies on storage's tables and triggers on
-- auth.users: those are its own, though the tables are the platform's.
select
    'policy', n.nspname || '.' || c.relname, p.polname,
    array[
        'for', case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update'
            when 'd' then 'delete' else 'all' end,
        'to', coalesce((select string_agg(rolname, ', ' order by rolname)
            from pg_roles where oid = any (p.polroles)), 'public'),
        'using', pg_get_expr(p.polqual, p.polrelid),
        'check', pg_get_expr(p.polwithcheck, p.polrelid),
        'restrictive', case when not p.polpermissive then 'yes' end]
from pg_policy as p
join pg_class as c on c.oid = p.polrelid
join pg_namespace as n on n.oid = c.relnamespace
where n.oid in (select oid from ours) or n.nspname in ('storage', 'realtime')
union all
select
    'trigger', n.nspname || '.' || c.relname, t.tgname,
    array['definition', pg_get_triggerdef(t.oid),
        'enabled', case t.tgenabled when 'D' then 'no' when 'A' then 'always'
            when 'R' then 'on replicas' end]
from pg_trigger as t
join pg_class as c on c.oid = t.tgrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_proc as f on f.oid = t.tgfoid
where not t.tgisinternal
    and (n.oid in (select oid from ours) or f.pronamespace in (select oid from ours))
    and not exists (select from brought where classid = 'pg_class'::regclass and objid = c.oid)
