-- realtime: the messages that policies guard, and what sends one. Changes of tables go by the
-- publication supabase_realtime.

create table realtime.messages (
    topic text not null,
    extension text not null,
    payload jsonb,
    event text,
    private boolean default false,
    updated_at timestamp not null default now(),
    inserted_at timestamp not null default now(),
    id uuid not null default gen_random_uuid(),
    primary key (id, inserted_at)
) partition by range (inserted_at);
create index messages_inserted_at_topic_index
    on realtime.messages (inserted_at desc, topic)
    where extension = 'broadcast' and private is true;
-- The platform makes one partition a day; nothing here makes tomorrow's.
create table realtime.messages_default partition of realtime.messages default;

create function realtime.topic() returns text
    language sql stable
    as $$ select nullif(current_setting('realtime.topic', true), '')::text $$;

-- A message that cannot be written is a warning: it must not undo the change it tells of.
create function realtime.send(payload jsonb, event text, topic text, private boolean default true)
    returns void
    language plpgsql
    as $$
    begin
        perform set_config('realtime.topic', topic, true);
        insert into realtime.messages (payload, event, topic, private, extension)
        values (payload, event, topic, private, 'broadcast');
    exception when others then
        raise warning 'the broadcast was not sent: %', sqlerrm;
    end
    $$;

create function realtime.broadcast_changes(
    topic_name text, event_name text, operation text, table_name text, table_schema text,
    new record, old record, level text default 'ROW')
    returns void
    language plpgsql
    as $$
    begin
        if level = 'STATEMENT' then
            raise exception 'broadcast_changes wants a trigger for each row';
        end if;
        perform realtime.send(
            jsonb_build_object(
                'operation', operation, 'table', table_name, 'schema', table_schema,
                'record', to_jsonb(new), 'old_record', to_jsonb(old)),
            event_name, topic_name);
    end
    $$;

alter table realtime.messages enable row level security;
alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages_default owner to supabase_realtime_admin;
alter function realtime.topic() owner to supabase_realtime_admin;
grant all on realtime.messages to postgres, dashboard_user;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;
grant select on realtime.messages_default to postgres, dashboard_user;
