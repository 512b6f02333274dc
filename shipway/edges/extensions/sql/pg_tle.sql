--! default_version = '1.5.1'
--! versions = '1.0.4 1.3.2 1.4.0'
--! schema = 'pgtle'
-- What is installed is noted; CREATE EXTENSION cannot find it, as that takes a hook of the server.

create table pgtle.noted (
    name text, version text, description text, ext text, requires text[], schema text,
    is_default boolean not null, primary key (name, version));
select pg_extension_config_dump('pgtle.noted', '');
create function pgtle.install_extension(
    name text, version text, description text, ext text, requires text[] default null,
    schema text default null) returns boolean
    language plpgsql
    as $$
begin
    if exists (select from pgtle.noted where noted.name = install_extension.name) then
        raise exception 'extension "%" already installed', name;
    end if;
    insert into pgtle.noted values (name, version, description, ext, requires, schema, true);
    return true;
end
$$;
create function pgtle.install_extension_version_sql(name text, version text, ext text)
    returns boolean
    language plpgsql
    as $$
begin
    insert into pgtle.noted values (name, version, null, ext, null, null, false);
    return true;
end
$$;
create function pgtle.install_update_path(name text, fromvers text, tovers text, ext text)
    returns boolean
    language sql as 'select true';
create function pgtle.set_default_version(name text, version text) returns boolean
    language sql
    as $$
    update pgtle.noted set is_default = noted.version = set_default_version.version
    where noted.name = set_default_version.name;
    select true
    $$;
create function pgtle.uninstall_extension(extname text) returns boolean
    language sql as 'delete from pgtle.noted where name = extname; select true';
create function pgtle.uninstall_extension(extname text, version text) returns boolean
    language sql
    as $$
    delete from pgtle.noted
    where name = extname and noted.version = uninstall_extension.version;
    select true
    $$;
create function pgtle.uninstall_extension_if_exists(extname text) returns boolean
    language sql
    as $$
    with gone as (delete from pgtle.noted where name = extname returning 1)
    select exists (select from gone)
    $$;
create function pgtle.available_extensions(
    out name name, out default_version text, out comment text) returns setof record
    language sql as 'select name::name, version, description from pgtle.noted where is_default';
create function pgtle.available_extension_versions(
    out name name, out version text, out superuser boolean, out trusted boolean,
    out relocatable boolean, out schema name, out requires name[], out comment text)
    returns setof record
    language sql
    as $$
    select name::name, version, false, false, false, schema::name, requires::name[], description
    from pgtle.noted
    $$;
do $$
begin
    if not exists (select from pg_roles where rolname = 'pgtle_admin') then
        create role pgtle_admin nologin;
    end if;
end
$$;
grant usage, create on schema pgtle to pgtle_admin, @extowner@;
grant all on pgtle.noted to pgtle_admin, @extowner@;
