--! default_version = '1.5.11'
--! versions = '1.2.0 1.2.3 1.4.0 1.4.1 1.4.4 1.5.0 1.5.1 1.5.4 1.5.7 1.5.9'
--! schema = 'graphql'
-- The functions are there and answer as the real ones do to what they cannot do: with an error.

create function graphql.exception(message text) returns text
    language plpgsql as $$begin raise exception using errcode = '22000', message = message; end$$;
create function graphql.comment_directive(comment_ text) returns jsonb
    language sql immutable
    as $$select coalesce(
        (regexp_match(comment_, '@graphql\((.+)\)'))[1]::jsonb, '{}'::jsonb)$$;
create sequence graphql.seq_schema_version as int cycle;
create function graphql.get_schema_version() returns int
    language sql security definer as 'select last_value::int from graphql.seq_schema_version';
create function graphql.increment_schema_version() returns event_trigger
    language plpgsql security definer
    as $$begin perform nextval('graphql.seq_schema_version'); end$$;
create function graphql._internal_resolve(
    query text, variables jsonb default '{}', "operationName" text default null,
    extensions jsonb default null) returns jsonb
    language sql
    as $$select '{"data": null, "errors": [{"message":
        "pg_graphql is a stand-in here and resolves nothing"}]}'::jsonb$$;
create function graphql.resolve(
    query text, variables jsonb default '{}', "operationName" text default null,
    extensions jsonb default null) returns jsonb
    language sql
    as 'select graphql._internal_resolve(query, variables, "operationName", extensions)';

do $$
declare
    grantee text;
begin
    for grantee in
        select quote_ident(rolname) from pg_roles
        where rolname in ('postgres', 'anon', 'authenticated', 'service_role')
    loop
        execute format('grant usage on schema graphql to %s', grantee);
        execute format('grant all on all functions in schema graphql to %s', grantee);
        execute format('grant all on all sequences in schema graphql to %s', grantee);
    end loop;
end
$$;
