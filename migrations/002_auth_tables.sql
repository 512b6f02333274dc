-- Sessions, sign-in methods and one-time codes of better-auth. Only the server may see them.

create table public.session (
    "id" text not null primary key,
    "expiresAt" timestamptz not null,
    "token" text not null,
    "createdAt" timestamptz not null default now(),
    "updatedAt" timestamptz not null default now(),
    "ipAddress" text,
    "userAgent" text,
    "userId" text not null references public."user" ("id") on delete cascade,
    constraint session_token_key unique ("token")
);
comment on table public.session is 'Browsers that are signed in; written by better-auth.';
create index session_user_id_idx on public.session ("userId");
create index session_expires_at_idx on public.session ("expiresAt");

create table public.account (
    "id" text not null primary key,
    "accountId" text not null,
    "providerId" text not null,
    "userId" text not null references public."user" ("id") on delete cascade,
    "accessToken" text,
    "refreshToken" text,
    "idToken" text,
    "accessTokenExpiresAt" timestamptz,
    "refreshTokenExpiresAt" timestamptz,
    "scope" text,
    "password" text,
    "createdAt" timestamptz not null default now(),
    "updatedAt" timestamptz not null default now(),
    constraint account_provider_key unique ("providerId", "accountId")
);
comment on table public.account is 'Ways in which a person signs in; written by better-auth.';
comment on column public.account."password" is
    'A scrypt hash, only where the provider is credential.';
create index account_user_id_idx on public.account ("userId");

create table public.verification (
    "id" text not null primary key,
    "identifier" text not null,
    "value" text not null,
    "expiresAt" timestamptz not null,
    "createdAt" timestamptz not null default now(),
    "updatedAt" timestamptz not null default now()
);
comment on table public.verification is
    'One-time codes that were sent out; written by better-auth.';
create index verification_identifier_idx on public.verification ("identifier");

alter table public.session enable row level security;
alter table public.account enable row level security;
alter table public.verification enable row level security;

-- A policy that admits no row says that the closed door is meant.
create policy "only the server" on public.session
    for all to anon, authenticated using (false);
create policy "only the server" on public.account
    for all to anon, authenticated using (false);
create policy "only the server" on public.verification
    for all to anon, authenticated using (false);

grant select, insert, update, delete
    on public.session, public.account, public.verification to service_role;
