-- What is granted on every object that a role will make. Of functions and types everyone has a right
-- without a word of it: it is told where it is taken away, and only there. What the platform's own
-- roles make is the platform's business. MAINTAIN: see grants.sql.
, kept as (
    select pg_get_userbyid(d.defaclrole) as maker, d.defaclrole as owner, n.nspname as place,
        case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences'
            when 'f' then 'functions' when 'T' then 'types' when 'n' then 'schemas'
            else 'large objects' end as objects,
        d.defaclacl as acl
    from pg_default_acl as d
    left join ours as n on n.oid = d.defaclnamespace
    where (d.defaclnamespace = 0 or n.oid is not null)
        and pg_get_userbyid(d.defaclrole) !~ '^supabase_'
), told as (
    select k.maker, k.place, k.objects, coalesce(r.rolname, 'public') as grantee, string_agg(
        lower(a.privilege_type) || case when a.is_grantable then ' with grant option' else '' end,
        ', ' order by a.privilege_type) as privileges
    from kept as k
    cross join lateral aclexplode(k.acl) as a
    left join pg_roles as r on r.oid = a.grantee
    where a.grantee <> k.owner and a.privilege_type <> 'MAINTAIN'
    group by k.maker, k.place, k.objects, r.rolname
    union all
    select maker, place, objects, 'public', 'nothing' from kept
    where place is null and objects in ('functions', 'types')
        and not exists (select from aclexplode(acl) where grantee = 0)
)
select
    'default privilege',
    'future ' || objects || ' of ' || maker || coalesce(' in schema ' || place, ''), grantee,
    array['privileges', privileges, 'objects', objects, 'in schema', place,
        'made by', case when maker <> current_user then maker end]
from told
where (place is null, grantee, objects, privileges) not in (
    (true, 'public', 'functions', 'execute'), (true, 'public', 'types', 'usage'))
