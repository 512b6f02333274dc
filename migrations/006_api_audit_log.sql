-- Who called which route with which key. Rows are added and never changed.

create table public.api_audit_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    user_id text references public."user" ("id") on delete set null,
    api_key_id uuid references public.api_key (id) on delete set null,
    method text not null,
    path text not null,
    status smallint not null,
    duration_ms integer not null,
    address inet,
    constraint api_audit_log_method_known
        check (method in ('GET', 'POST', 'PUT', 'PATCH', 'DELETE')),
    constraint api_audit_log_status_range check (status between 100 and 599),
    constraint api_audit_log_duration_positive check (duration_ms >= 0)
);
comment on table public.api_audit_log is 'One row for each call of the API.';
create index api_audit_log_user_id_idx on public.api_audit_log (user_id, at desc);
create index api_audit_log_api_key_id_idx on public.api_audit_log (api_key_id, at desc);
create index api_audit_log_errors_idx on public.api_audit_log (at desc) where status >= 500;

alter table public.api_audit_log enable row level security;
create policy "people see their own calls" on public.api_audit_log
    for select to authenticated
    using (user_id = (select app.current_user_id()));

grant select on public.api_audit_log to authenticated;
grant select, insert on public.api_audit_log to service_role;

-- With the rights of whoever asks, so that the policies above hold here too.
create view public.api_key_usage with (security_invoker = true) as
    select
        key.id as api_key_id,
        key.user_id,
        key.name,
        count(log.id) as calls,
        count(log.id) filter (where log.status >= 500) as failed_calls,
        max(log.at) as last_call_at
    from public.api_key as key
    left join public.api_audit_log as log on log.api_key_id = key.id
    group by key.id;
comment on view public.api_key_usage is 'How much each key is used.';
grant select on public.api_key_usage to authenticated, service_role;
