--! default_version = '2.7'
--! versions = '2.1 2.2 2.3 2.8'
--! relocatable = true

create function plpgsql_check_refused() returns text
    language plpgsql
    as $$
begin
    raise exception 'the extension plpgsql_check is a stand-in here and checks nothing'
        using errcode = 'feature_not_supported';
end
$$;
create function plpgsql_check_function(
    funcoid regprocedure, relid regclass default 0, format text default 'text',
    fatal_errors boolean default true, other_warnings boolean default true,
    performance_warnings boolean default false, extra_warnings boolean default true,
    security_warnings boolean default false) returns setof text
    language sql begin atomic select plpgsql_check_refused(); end;
create function plpgsql_check_function(
    name text, relid regclass default 0, format text default 'text',
    fatal_errors boolean default true, other_warnings boolean default true,
    performance_warnings boolean default false, extra_warnings boolean default true,
    security_warnings boolean default false) returns setof text
    language sql begin atomic select plpgsql_check_refused(); end;
