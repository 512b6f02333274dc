--! default_version = '0.3.1'
--! versions = '0.2.8 0.3.0'
--! schema = 'vault'
-- Secrets are stored and read, marked as what they are: kept here without any encryption. Those
-- of a backup are encrypted with a key that is in no backup: they read as null.

create function vault._crypto_aead_det_noncegen() returns bytea
    language sql volatile
    return uuid_send(gen_random_uuid());
create function vault._crypto_aead_det_encrypt(
    message bytea, additional bytea, key_id bigint, context bytea default 'pgsodium',
    nonce bytea default null) returns bytea
    language sql immutable
    return 'stand-in:'::bytea || message;
create function vault._crypto_aead_det_decrypt(
    message bytea, additional bytea, key_id bigint, context bytea default 'pgsodium',
    nonce bytea default null) returns bytea
    language sql immutable
    return case when substr(message, 1, 9) = 'stand-in:'::bytea then substr(message, 10) end;

create table vault.secrets (
    id uuid primary key default gen_random_uuid(),
    name text,
    description text not null default '',
    secret text not null,
    key_id uuid,
    nonce bytea default vault._crypto_aead_det_noncegen(),
    created_at timestamptz not null default current_timestamp,
    updated_at timestamptz not null default current_timestamp
);
comment on table vault.secrets is
    'Table with encrypted `secret` column for storing sensitive information on disk.';
create unique index on vault.secrets (name) where name is not null;
select pg_extension_config_dump('vault.secrets', '');

create view vault.decrypted_secrets as
    select id, name, description, secret,
        convert_from(
            vault._crypto_aead_det_decrypt(
                decode(secret, 'base64'), convert_to(id::text, 'utf8'), 0, 'pgsodium', nonce),
            'utf8') as decrypted_secret,
        key_id, nonce, created_at, updated_at
    from vault.secrets;

create function vault.create_secret(
    new_secret text, new_name text default null, new_description text default '',
    new_key_id uuid default null) returns uuid
    language plpgsql set search_path = ''
    as $$
declare
    created constant uuid := gen_random_uuid();
begin
    insert into vault.secrets (id, secret, name, description)
    values (
        created,
        encode(vault._crypto_aead_det_encrypt(
            convert_to(new_secret, 'utf8'), convert_to(created::text, 'utf8'), 0), 'base64'),
        new_name,
        new_description);
    return created;
end
$$;
create function vault.update_secret(
    secret_id uuid, new_secret text default null, new_name text default null,
    new_description text default null, new_key_id uuid default null) returns void
    language plpgsql set search_path = ''
    as $$
begin
    update vault.secrets as s set
        secret = case when new_secret is null then s.secret
            else encode(vault._crypto_aead_det_encrypt(
                convert_to(new_secret, 'utf8'), convert_to(s.id::text, 'utf8'), 0), 'base64') end,
        name = coalesce(new_name, s.name),
        description = coalesce(new_description, s.description),
        updated_at = now()
    where s.id = secret_id;
end
$$;

-- Nobody writes into the table but by these, on the platform either.
alter function vault.create_secret(text, text, text, uuid) security definer;
alter function vault.update_secret(uuid, text, text, text, uuid) security definer;
revoke all on all functions in schema vault from public;

do $$
declare
    grantee text;
begin
    for grantee in
        select quote_ident(rolname) from pg_roles where rolname in ('postgres', 'service_role')
        union select '@extowner@'
    loop
        execute format('grant usage on schema vault to %s', grantee);
        execute format('grant select, delete on all tables in schema vault to %s', grantee);
        execute format('grant execute on all functions in schema vault to %s', grantee);
    end loop;
end
$$;
