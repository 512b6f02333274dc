-- Keys with which programs speak to the app's API. A key is shown once; only its hash is kept.

create function app.hash_of_key(key text) returns text
    language sql immutable strict
    set search_path = ''
    as $$ select encode(sha256(convert_to(key, 'UTF8')), 'hex') $$;
comment on function app.hash_of_key(text) is 'What is kept of an API key.';
revoke execute on function app.hash_of_key(text) from public;
grant execute on function app.hash_of_key(text) to service_role;

create table public.api_key (
    id uuid primary key default gen_random_uuid(),
    user_id text not null references public."user" ("id") on delete cascade,
    name text not null,
    prefix text not null,
    key_hash text not null,
    scopes text[] not null default '{read}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    last_used_at timestamptz,
    expires_at timestamptz,
    revoked_at timestamptz,
    constraint api_key_hash_key unique (key_hash),
    constraint api_key_hash_form check (key_hash ~ '^[0-9a-f]{64}$'),
    constraint api_key_scopes_known check (scopes <@ array['read', 'write', 'admin']),
    constraint api_key_expires_later check (expires_at > created_at)
);
comment on table public.api_key is 'Keys for programs, with a hash in place of the key.';
comment on column public.api_key.prefix is
    'The first letters, by which a person knows a key again.';
create index api_key_user_id_idx on public.api_key (user_id);
create index api_key_expires_at_idx on public.api_key (expires_at) where revoked_at is null;

create trigger api_key_updated_at
    before update on public.api_key
    for each row execute function app.set_updated_at();

alter table public.api_key enable row level security;
create policy "people see their own" on public.api_key
    for select to authenticated
    using (user_id = (select app.current_user_id()));
create policy "people revoke their own" on public.api_key
    for update to authenticated
    using (user_id = (select app.current_user_id()))
    with check (user_id = (select app.current_user_id()));

-- Never the hash, and of all columns only these two may be changed by their owner.
grant select (id, user_id, name, prefix, scopes, created_at, updated_at, last_used_at, expires_at,
    revoked_at) on public.api_key to authenticated;
grant update (name, revoked_at) on public.api_key to authenticated;
grant select, insert, update, delete on public.api_key to service_role;
