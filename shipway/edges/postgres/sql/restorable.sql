-- What a project has in its schemas: the statements that drop it, which may run in this order.
-- %(schemas)s are the project's, %(publications)s those that are made again afterwards, %(kept)s the
-- tables of the schema shipway that stay. Members of extensions stay: they come with their extension.
-- So does what its table, type or partitioned table takes along, such as the sequence of an identity
-- column, which cannot be dropped alone.
with ours as (
    select oid, nspname, quote_ident(nspname) as name from pg_namespace where nspname = any (%(schemas)s)
),
-- What belongs to a role that this one cannot be stays as it is: its owner could not be given back.
-- Of the first superuser no dependency is kept.
anothers as (
    select d.classid, d.objid, d.refobjid as schema from pg_depend as d
    left join pg_shdepend as s on s.deptype = 'o' and s.classid = d.classid and s.objid = d.objid
        and s.dbid = (select oid from pg_database where datname = current_database())
    where d.refclassid = 'pg_namespace'::regclass and d.deptype = 'n' and d.objsubid = 0
        and d.refobjid in (select oid from ours)
        and not pg_has_role(coalesce(s.refobjid, 10), 'member')
),
-- A schema that holds an extension or came with one, and public, are emptied; others go as a whole.
-- So is shipway's own but for what tells of releases: that happened, whatever the data are now.
emptied as (
    select * from ours where nspname in ('public', 'shipway')
        or oid in (select extnamespace from pg_extension)
        or oid in (select schema from anothers)
        or oid in (
            select objid from pg_depend where classid = 'pg_namespace'::regclass and deptype = 'e')
),
bound as (
    select classid, objid from pg_depend where deptype in ('e', 'i') and objsubid = 0
),
-- What is granted on everything that this role will make would be granted on what is restored.
defaults as (
    select
        case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
            when 'T' then 'types' when 'n' then 'schemas' else 'large objects' end as objects,
        case when n.oid is null then '' else ' in schema ' || n.name end as place,
        case a.grantee when 0 then 'public' else quote_ident(a.grantee::regrole::text) end as grantee,
        a.grantee = d.defaclrole as is_own
    from pg_default_acl as d
    left join ours as n on n.oid = d.defaclnamespace
    cross join lateral aclexplode(d.defaclacl) as a
    where d.defaclrole = current_user::regrole and (d.defaclnamespace = 0 or n.oid is not null)
    group by 1, 2, a.grantee, d.defaclrole
),
statements as (
    select 1 as step, format(
        'alter default privileges%%s revoke all on %%s from %%s', place, objects, grantee) as text
    from defaults where not is_own
    union all
    select distinct 2, format('alter default privileges grant all on %%s to current_user', objects)
    from defaults where place = ''
    union all
    select distinct 2, format('alter default privileges grant %%s on %%s to public',
        case objects when 'types' then 'usage' else 'execute' end, objects)
    from defaults where place = '' and objects in ('functions', 'types')
    union all
    select 3, 'drop event trigger ' || quote_ident(evtname)
    from pg_event_trigger as e join pg_proc as p on p.oid = e.evtfoid
    where p.pronamespace in (select oid from ours) and pg_has_role(evtowner, 'usage')
    union all
    select 4, 'drop publication ' || quote_ident(pubname)
    from pg_publication as p
    where pubname = any (%(publications)s) and pg_has_role(pubowner, 'usage')
        -- Of all tables, or of a schema's: only a superuser could make it again.
        and ((select rolsuper from pg_roles where rolname = current_user)
            or not puballtables and not exists (
                select from pg_depend where refclassid = 'pg_publication'::regclass
                    and refobjid = p.oid
                    and classid = to_regclass('pg_catalog.pg_publication_namespace')))
        and not exists (
            select from pg_publication_rel as r join pg_class as c on c.oid = r.prrelid
            where r.prpubid = p.oid and not pg_has_role(c.relowner, 'usage'))
    union all
    select 5, 'drop schema ' || name || ' cascade' from ours
    where oid not in (select oid from emptied)
    union all
    select 6, format('drop %%s if exists %%s cascade',
        case what.type when 'composite type' then 'type' when 'statistics object' then 'statistics'
            when 'function' then 'routine' when 'procedure' then 'routine'
            when 'aggregate' then 'routine' else what.type end,
        what.identity)
    from pg_depend as d
    join emptied on d.refclassid = 'pg_namespace'::regclass and d.refobjid = emptied.oid
    cross join lateral pg_identify_object(d.classid, d.objid, 0) as what
    where d.deptype = 'n' and d.classid <> 'pg_extension'::regclass
        and (d.classid, d.objid) not in (select classid, objid from bound)
        and (d.classid, d.objid) not in (select classid, objid from anothers)
        and not (emptied.nspname = 'shipway' and d.classid = 'pg_class'::regclass
            and d.objid in (select oid from pg_class where relname = any (%(kept)s)))
)
select text from statements order by step
