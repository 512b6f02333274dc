--! default_version = '1.6'
--! versions = '1.0 1.1 1.2 1.3 1.4 1.5 1.7'
--! relocatable = true
-- Requests go nowhere from a copy: whoever makes one is told so.

create domain http_method as text;
create domain content_type as text check (value ~ '^\S+\/\S+');
create type http_header as (field varchar, value varchar);
create type http_response as (
    status integer, content_type varchar, headers http_header[], content varchar);
create type http_request as (
    method http_method, uri varchar, headers http_header[], content_type varchar, content varchar);

create function http_refused(method text, uri text) returns text
    language plpgsql volatile
    as $$
begin
    raise exception 'the extension http is a stand-in here: % % was not sent', method, uri
        using errcode = 'feature_not_supported';
end
$$;
create function http(request http_request) returns http_response
    language sql volatile
    return (null, http_refused((request).method, (request).uri), null, null)::http_response;
create function http_get(uri varchar) returns http_response
    language sql volatile
    return http(('GET', uri, null, null, null)::http_request);
create function http_get(uri varchar, data jsonb) returns http_response
    language sql volatile
    return http(('GET', uri, null, null, null)::http_request);
create function http_head(uri varchar) returns http_response
    language sql volatile
    return http(('HEAD', uri, null, null, null)::http_request);
create function http_post(uri varchar, content varchar, content_type varchar) returns http_response
    language sql volatile
    return http(('POST', uri, null, content_type, content)::http_request);
create function http_post(uri varchar, data jsonb) returns http_response
    language sql volatile
    return http(('POST', uri, null, null, null)::http_request);
create function http_put(uri varchar, content varchar, content_type varchar) returns http_response
    language sql volatile
    return http(('PUT', uri, null, content_type, content)::http_request);
create function http_patch(uri varchar, content varchar, content_type varchar) returns http_response
    language sql volatile
    return http(('PATCH', uri, null, content_type, content)::http_request);
create function http_delete(uri varchar) returns http_response
    language sql volatile
    return http(('DELETE', uri, null, null, null)::http_request);
create function http_delete(uri varchar, content varchar, content_type varchar)
    returns http_response
    language sql volatile
    return http(('DELETE', uri, null, content_type, content)::http_request);

create function http_header(field varchar, value varchar) returns http_header
    language sql immutable
    return (field, value)::http_header;
create function http_headers(variadic args text[]) returns http_header[]
    language sql immutable
    return array(
        select (args[i], args[i + 1])::http_header
        from generate_series(1, cardinality(args), 2) as i);
create function http_list_curlopt() returns table (curlopt text, value text)
    language sql stable
    begin atomic select ''::text, ''::text where false; end;
create function http_set_curlopt(curlopt varchar, value varchar) returns boolean
    language sql volatile return true;
create function http_reset_curlopt() returns boolean language sql volatile return true;

create function urlencode(string bytea) returns text
    language plpgsql immutable strict
    as $$
declare
    found text := '';
    byte int;
begin
    for i in 0 .. length(string) - 1 loop
        byte := get_byte(string, i);
        found := found || case
            when chr(greatest(byte, 1)) ~ '[A-Za-z0-9._~-]' and byte < 128 then chr(byte)
            when byte = 32 then '+'
            else '%' || upper(lpad(to_hex(byte), 2, '0')) end;
    end loop;
    return found;
end
$$;
create function urlencode(string varchar) returns text
    language sql immutable strict
    return urlencode(convert_to(string, 'UTF8'));
create function urlencode(data jsonb) returns text
    language sql immutable strict
    return (
        select string_agg(urlencode(key::varchar) || '=' || urlencode(value::varchar), '&')
        from jsonb_each_text(data));
create function text_to_bytea(data text) returns bytea
    language sql immutable strict return convert_to(data, getdatabaseencoding());
create function bytea_to_text(data bytea) returns text
    language sql immutable strict return convert_from(data, getdatabaseencoding());
