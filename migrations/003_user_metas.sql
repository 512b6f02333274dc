-- What the app itself knows of a person, beside what better-auth keeps.

create type public.user_plan as enum ('free', 'team', 'enterprise');

create table public.user_metas (
    user_id text primary key references public."user" ("id") on delete cascade,
    plan public.user_plan not null default 'free',
    locale text not null default 'en',
    time_zone text not null default 'UTC',
    preferences jsonb not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint user_metas_locale_form check (locale ~ '^[a-z]{2}(-[A-Z]{2})?$'),
    constraint user_metas_preferences_is_object check (jsonb_typeof(preferences) = 'object')
);
comment on table public.user_metas is 'Plan and preferences; one row for each person.';
create index user_metas_plan_idx on public.user_metas (plan) where plan <> 'free';

create trigger user_metas_updated_at
    before update on public.user_metas
    for each row execute function app.set_updated_at();

alter table public.user_metas enable row level security;
create policy "people see their own" on public.user_metas
    for select to authenticated
    using (user_id = (select app.current_user_id()));
create policy "people change their own" on public.user_metas
    for update to authenticated
    using (user_id = (select app.current_user_id()))
    with check (user_id = (select app.current_user_id()));

grant select on public.user_metas to authenticated;
-- Not the plan: that is the server's to change.
grant update (locale, time_zone, preferences) on public.user_metas to authenticated;
grant select, insert, update, delete on public.user_metas to service_role;
