--! default_version = '0.19.5'
--! versions = '0.1 0.2 0.3 0.4 0.5 0.5.1 0.6 0.7 0.7.1 0.7.3 0.8.0 0.9.3 0.10.0 0.11.0 0.12.0 0.13.0 0.14.0 0.15.0 0.16.0 0.17.0 0.18.0 0.19.0 0.19.1 0.19.2 0.19.3 0.19.4 0.19.6 0.19.7 0.20.0'
-- Requests are queued and never sent: there is no worker behind these tables.

create schema if not exists net;
create domain net.http_method as text check (lower(value) in ('get', 'post', 'delete'));
create type net.request_status as enum ('PENDING', 'SUCCESS', 'ERROR');
create type net.http_response as (status_code integer, headers jsonb, body text);
create type net.http_response_result as (
    status net.request_status, message text, response net.http_response);

create unlogged table net.http_request_queue (
    id bigserial,
    method net.http_method not null,
    url text not null,
    headers jsonb,
    body bytea,
    timeout_milliseconds int not null
);
create unlogged table net._http_response (
    id bigint,
    status_code integer,
    content_type text,
    headers jsonb,
    content text,
    timed_out bool,
    error_msg text,
    created timestamptz not null default now()
);
create index on net._http_response (created);

create function net.check_worker_is_up() returns void language sql as '';
create function net.wait_until_running() returns void language sql as '';
create function net.wake() returns void language sql as '';
create function net.worker_restart() returns bool language sql as 'select true';

create function net._urlencode_string(string varchar) returns text
    language sql immutable strict
    as $$
    select coalesce(string_agg(
        case when byte between 48 and 57 or byte between 65 and 90 or byte between 97 and 122
            or byte in (45, 46, 95, 126)
            then chr(byte) else '%' || upper(lpad(to_hex(byte), 2, '0')) end, '' order by i), '')
    from (
        select i, get_byte(bytes, i) as byte
        from convert_to(string, 'UTF8') as bytes, generate_series(0, length(bytes) - 1) as i
    ) as each
    $$;
create function net._encode_url_with_params_array(url text, params_array text[]) returns text
    language sql immutable strict
    as $$
    select url || case when cardinality(params_array) = 0 then ''
        else case when position('?' in url) > 0 then '&' else '?' end
            || array_to_string(params_array, '&') end
    $$;

create function net.queue(
    method text, url text, params jsonb, headers jsonb, body jsonb, timeout_milliseconds int)
    returns bigint
    language sql security definer set search_path = pg_catalog
    as $$
    insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
    values (
        method,
        net._encode_url_with_params_array(url, array(
            select net._urlencode_string(key) || '=' || net._urlencode_string(value)
            from jsonb_each_text(params))),
        headers,
        convert_to(body::text, 'UTF8'),
        timeout_milliseconds)
    returning id
    $$;
create function net.http_get(
    url text, params jsonb default '{}', headers jsonb default '{}',
    timeout_milliseconds int default 5000) returns bigint
    language sql strict volatile
    as $$select net.queue('GET', url, params, headers, null, timeout_milliseconds)$$;
create function net.http_delete(
    url text, params jsonb default '{}', headers jsonb default '{}',
    timeout_milliseconds int default 5000, body jsonb default null) returns bigint
    language sql volatile
    as $$select net.queue('DELETE', url, params, headers, body, timeout_milliseconds)$$;
create function net.http_post(
    url text, body jsonb default '{}', params jsonb default '{}',
    headers jsonb default '{"Content-Type": "application/json"}',
    timeout_milliseconds int default 5000) returns bigint
    language plpgsql volatile
    as $$
declare
    content_type constant text := (
        select value from jsonb_each_text(coalesce(headers, '{}'))
        where lower(key) = 'content-type' limit 1);
begin
    if content_type is null then
        headers := coalesce(headers, '{}') || '{"Content-Type": "application/json"}';
    elsif content_type <> 'application/json' then
        raise exception 'Content-Type header must be "application/json"';
    end if;
    if body is null then
        raise exception 'body must not be null';
    end if;
    return net.queue('POST', url, params, headers, body, timeout_milliseconds);
end
$$;

create function net._await_response(request_id bigint) returns bool
    language plpgsql volatile strict
    as $$
begin
    if not exists (select from net._http_response where id = request_id) then
        raise exception 'pg_net is a stand-in here: request % was queued and is never sent', request_id
            using errcode = 'feature_not_supported';
    end if;
    return true;
end
$$;
create function net._http_collect_response(request_id bigint, async bool default true)
    returns net.http_response_result
    language plpgsql volatile strict security definer set search_path = pg_catalog
    as $$
declare
    found net._http_response;
begin
    if not async then
        perform net._await_response(request_id);
    end if;
    select * into found from net._http_response where id = request_id;
    if found.id is null then
        if exists (select from net.http_request_queue where id = request_id) then
            return ('PENDING', 'request is pending processing', null)::net.http_response_result;
        end if;
        return ('ERROR', 'request matching request_id not found', null)::net.http_response_result;
    end if;
    if found.error_msg is not null then
        return ('ERROR', found.error_msg, null)::net.http_response_result;
    end if;
    return ('SUCCESS', 'ok', (found.status_code, found.headers, found.content)::net.http_response
        )::net.http_response_result;
end
$$;
create function net.http_collect_response(request_id bigint, async bool default true)
    returns net.http_response_result
    language sql volatile strict
    as 'select net._http_collect_response(request_id, async)';

do $$
declare
    grantee text;
begin
    for grantee in
        select quote_ident(rolname) from pg_roles where rolname in (
            'supabase_functions_admin', 'postgres', 'anon', 'authenticated', 'service_role')
        union select '@extowner@'
    loop
        execute format('grant usage on schema net to %s', grantee);
        execute format('grant all on all tables in schema net to %s', grantee);
    end loop;
end
$$;
