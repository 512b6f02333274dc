-- What is granted on every object that the connected role will make, as statements that grant it
-- elsewhere. Where functions are kept from everyone by default, that is told too.
with kept as (
    select
        case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
            when 'T' then 'types' else 'schemas' end as objects,
        case when d.defaclnamespace = 0 then '' else ' in schema public' end as place,
        d.defaclacl as acl
    from pg_default_acl as d
    where d.defaclrole = current_user::regrole
        and d.defaclnamespace in (0, 'public'::regnamespace)
)
select format(
    'alter default privileges%%s grant %%s on %%s to %%s',
    place, string_agg(lower(a.privilege_type), ', ' order by a.privilege_type), objects,
    case when a.grantee = 0 then 'public' else quote_ident(a.grantee::regrole::text) end)
from kept, aclexplode(acl) as a
where a.grantee <> current_user::regrole and a.privilege_type <> 'MAINTAIN'
group by objects, place, a.grantee
union all
select 'alter default privileges revoke execute on functions from public'
from kept
where objects = 'functions' and place = ''
    and not exists (select from aclexplode(acl) where grantee = 0)
