-- For each lint: what makes a guilty object, which is named behind the colon, and an innocent one
-- beside it. Run by test_lints.py, each part in a database of its own.

-- rls_disabled: public.guilty
create table guilty (id int primary key);
create schema inner_room;
create table inner_room.innocent (id int primary key);

-- rls_without_policy: public.guilty
create table guilty (id int primary key);
alter table guilty enable row level security;
create table innocent (id int primary key);
alter table innocent enable row level security;
create policy closed_to_servers on innocent for all to service_role using (id = 1);

-- policy_without_rls: public.guilty
create table guilty (id int primary key);
create policy p on guilty for select using (id = 1);
create table innocent (id int primary key);
alter table innocent enable row level security;
create policy closed_to_servers on innocent for all to service_role using (id = 1);

-- always_true_policy: public.guilty
create table guilty (id int primary key);
alter table guilty enable row level security;
create policy p on guilty for update to authenticated using (true);
grant update on guilty to authenticated;
create table innocent (id int primary key);
alter table innocent enable row level security;
create policy closed_to_servers on innocent for all to service_role using (id = 1);
create policy all_see on innocent for select to anon using (true);
alter policy closed_to_servers on innocent using (true);
grant select on innocent to anon;

-- policy_trusts_user_metadata: public.guilty
create table guilty (id int primary key);
alter table guilty enable row level security;
create policy p on guilty
    for select to authenticated using ((auth.jwt() -> 'user_metadata' ->> 'admin') = 'yes');
grant select on guilty to authenticated;
create table innocent (id int primary key);
alter table innocent enable row level security;
create policy closed_to_servers on innocent for all to service_role using (id = 1);
create policy p on innocent
    for select to anon using (((select auth.jwt()) -> 'app_metadata' ->> 'admin') = 'yes');
grant select on innocent to anon;

-- grant_missing: public.guilty
create table guilty (id int primary key);
alter table guilty enable row level security;
create policy p on guilty for select to anon using (id = 1);
create table innocent (id int primary key);
alter table innocent enable row level security;
create policy closed_to_servers on innocent for all to service_role using (id = 1);
create policy closed on innocent for all to anon using (false);

-- definer_view: public.guilty
create view guilty as select 1 as a;
grant select on guilty to anon;
create view innocent with (security_invoker = on) as select 1 as a;
grant select on innocent to anon;
create view unread as select 1 as a;

-- auth_users_exposed: public.guilty
create view guilty with (security_invoker = true) as select email from auth.users;
grant select on guilty to authenticated;
create view innocent with (security_invoker = true) as select email from auth.users;
grant select on innocent to service_role;

-- definer_function: public.guilty()
create function guilty() returns int language sql
    security definer set search_path = '' as 'select 1';
create function innocent() returns int language sql
    security definer set search_path = '' as 'select 1';
revoke execute on function innocent() from public;

-- mutable_search_path: public.guilty(a integer)
create function guilty(a int) returns int language sql as 'select 1';
create function innocent() returns int language sql set search_path = '' as 'select 1';

-- extension_in_public: vector
create extension vector schema public;

-- materialized_view_in_api: public.guilty
create materialized view guilty as select 1 as a;
grant select on guilty to anon;
create materialized view innocent as select 1 as a;

-- foreign_table_in_api: public.guilty
create foreign data wrapper fdw;
create server elsewhere foreign data wrapper fdw;
create foreign table guilty (id int) server elsewhere;
create foreign table innocent (id int) server elsewhere;
grant select on guilty to anon;

-- unindexed_foreign_key: inner_room.guilty.points
create schema inner_room;
create table inner_room.a (id int primary key);
create table inner_room.guilty (id int primary key, a int, b int,
    constraint points foreign key (a) references inner_room.a);
create index on inner_room.guilty (b, a);
create index on inner_room.guilty (a) where b = 1;
create table inner_room.innocent (id int primary key, a int references inner_room.a);
create index on inner_room.innocent (a, id);

-- duplicate_index: inner_room.guilty
create schema inner_room;
create table inner_room.t (id int primary key, a int);
create index innocent on inner_room.t (a);
create index guilty on inner_room.t (a);
create index other on inner_room.t (a desc);
create index part on inner_room.t (a) where a > 1;

-- no_primary_key: inner_room.guilty
create schema inner_room;
create table inner_room.guilty (id int);
create table inner_room.innocent (id int primary key);

-- multiple_permissive_policies: public.guilty
create table guilty (id int primary key);
alter table guilty enable row level security;
create policy a on guilty for select to anon using (id = 1);
create policy b on guilty for all to anon using (id = 2);
grant select on guilty to anon;
create table innocent (id int primary key);
alter table innocent enable row level security;
create policy closed_to_servers on innocent for all to service_role using (id = 1);
create policy a on innocent for select to anon using (id = 1);
create policy b on innocent for select to authenticated using (id = 2);
create policy c on innocent as restrictive for select to anon using (id = 3);
grant select on innocent to anon, authenticated;

-- auth_function_per_row: public.guilty
create table guilty (id uuid primary key);
alter table guilty enable row level security;
create policy p on guilty for select to authenticated using (id = auth.uid());
grant select on guilty to authenticated;
create table innocent (id uuid primary key);
alter table innocent enable row level security;
create policy p on innocent for select to authenticated using (id = (select auth.uid()));
grant select on innocent to authenticated;
