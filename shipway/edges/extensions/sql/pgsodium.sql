--! default_version = '3.1.9'
--! versions = '3.0.4 3.1.5 3.1.6 3.1.7 3.1.8'
--! schema = 'pgsodium'
-- Keys are kept by name, and what is "encrypted" is marked as what it is: not encrypted at all.

create type pgsodium.key_status as enum ('default', 'valid', 'invalid', 'expired');
create type pgsodium.key_type as enum (
    'aead-ietf', 'aead-det', 'hmacsha512', 'hmacsha256', 'auth', 'shorthash', 'generichash', 'kdf',
    'secretbox', 'secretstream', 'stream_xchacha20');
create sequence pgsodium.key_key_id_seq;
create table pgsodium.key (
    id uuid primary key default gen_random_uuid(),
    status pgsodium.key_status default 'valid',
    created timestamptz not null default current_timestamp,
    expires timestamptz,
    key_type pgsodium.key_type,
    key_id bigint default nextval('pgsodium.key_key_id_seq'),
    key_context bytea default 'pgsodium' check (length(key_context) = 8),
    name text unique,
    associated_data text default 'associated',
    raw_key bytea,
    raw_key_nonce bytea,
    parent_key uuid references pgsodium.key (id),
    comment text,
    user_data text
);
select pg_extension_config_dump('pgsodium.key', '');
select pg_extension_config_dump('pgsodium.key_key_id_seq', '');
create view pgsodium.valid_key as
    select id, name, status, key_type, key_id, key_context, created, expires, associated_data
    from pgsodium.key
    where status in ('valid', 'default') and (expires is null or expires > now());

create function pgsodium.create_key(
    key_type pgsodium.key_type default 'aead-det', name text default null,
    raw_key bytea default null, raw_key_nonce bytea default null, parent_key uuid default null,
    key_context bytea default 'pgsodium', expires timestamptz default null,
    associated_data text default '') returns pgsodium.valid_key
    language plpgsql security definer set search_path = ''
    as $$
declare
    new_id constant uuid := gen_random_uuid();
    made pgsodium.valid_key;
begin
    insert into pgsodium.key (
        id, key_type, name, raw_key, raw_key_nonce, parent_key, key_context, expires,
        associated_data)
    values (
        new_id, key_type, name, raw_key, raw_key_nonce, parent_key, key_context, expires,
        associated_data);
    select * into made from pgsodium.valid_key as valid where valid.id = new_id;
    return made;
end
$$;

create function pgsodium.randombytes_buf(size integer) returns bytea
    language sql volatile
    as $$
    select substr(string_agg(
        substr(one, 1, 6) || substr(one, 8, 1) || substr(one, 10, 7), ''::bytea), 1, size)
    from generate_series(0, size / 14) as i, uuid_send(gen_random_uuid()) as one where i >= 0
    $$;
create function pgsodium.crypto_aead_det_keygen() returns bytea
    language sql volatile as 'select pgsodium.randombytes_buf(32)';
create function pgsodium.crypto_aead_det_noncegen() returns bytea
    language sql volatile as 'select pgsodium.randombytes_buf(16)';
create function pgsodium.marked(message bytea) returns bytea
    language sql immutable return 'stand-in:'::bytea || message;
create function pgsodium.unmarked(message bytea) returns bytea
    language sql immutable
    return case when substr(message, 1, 9) = 'stand-in:'::bytea then substr(message, 10) end;
create function pgsodium.crypto_aead_det_encrypt(
    message bytea, additional bytea, key_uuid uuid, nonce bytea default null) returns bytea
    language sql stable as 'select pgsodium.marked(message)';
create function pgsodium.crypto_aead_det_decrypt(
    message bytea, additional bytea, key_uuid uuid, nonce bytea default null) returns bytea
    language sql stable as 'select pgsodium.unmarked(message)';
create function pgsodium.crypto_aead_det_encrypt(
    message bytea, additional bytea, key_id bigint, context bytea default 'pgsodium',
    nonce bytea default null) returns bytea
    language sql stable as 'select pgsodium.marked(message)';
create function pgsodium.crypto_aead_det_decrypt(
    message bytea, additional bytea, key_id bigint, context bytea default 'pgsodium',
    nonce bytea default null) returns bytea
    language sql stable as 'select pgsodium.unmarked(message)';

do $$
declare
    role text;
begin
    foreach role in array array['pgsodium_keyholder', 'pgsodium_keyiduser', 'pgsodium_keymaker'] loop
        if not exists (select from pg_roles where rolname = role) then
            execute format('create role %I', role);
        end if;
    end loop;
end
$$;
grant usage on schema pgsodium
    to pgsodium_keyholder, pgsodium_keyiduser, pgsodium_keymaker, @extowner@;
grant select on pgsodium.valid_key to pgsodium_keyiduser;
grant all on all tables in schema pgsodium to pgsodium_keymaker, @extowner@;
