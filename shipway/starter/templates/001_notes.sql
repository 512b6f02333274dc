-- A first migration: notes that only their owners reach through Supabase's Data API.
create table public.notes (
  id bigint generated always as identity primary key,
  owner uuid not null,
  body text not null,
  created_at timestamptz not null default now()
);

alter table public.notes enable row level security;
grant select, insert, update, delete on public.notes to authenticated;

create policy notes_of_their_owner on public.notes
  for all to authenticated
  using (owner = (select auth.uid()));
