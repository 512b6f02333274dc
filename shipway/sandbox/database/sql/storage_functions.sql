-- storage: what policies ask (foldername, filename, extension, operation) and what the storage
-- server lists objects with; owners, rights and triggers of the schema.

create function storage.foldername(name text) returns text[]
    language plpgsql immutable
    as $$
    declare
        parts constant text[] := string_to_array(name, '/');
    begin
        return parts[1:cardinality(parts) - 1];
    end
    $$;

create function storage.filename(name text) returns text
    language plpgsql immutable
    as $$
    declare
        parts constant text[] := string_to_array(name, '/');
    begin
        return parts[cardinality(parts)];
    end
    $$;

create function storage.extension(name text) returns text
    language plpgsql immutable
    as $$
    declare
        parts constant text[] := string_to_array(name, '/');
    begin
        return split_part(parts[cardinality(parts)], '.', -1);
    end
    $$;

-- The storage server says here what it is about to do: storage.object.upload, …
create function storage.operation() returns text
    language plpgsql stable
    as $$
    begin
        return current_setting('storage.operation', true);
    end
    $$;

create function storage.allow_only_operation(expected_operation text) returns boolean
    language sql stable
    as $$
        select coalesce(
            nullif(regexp_replace(expected_operation, '^storage\.', ''), '')
                = regexp_replace(storage.operation(), '^storage\.', ''),
            false)
    $$;

create function storage.allow_any_operation(expected_operations text[]) returns boolean
    language sql stable
    as $$
        select coalesce(bool_or(storage.allow_only_operation(one)), false)
        from unnest(expected_operations) as one
    $$;

create function storage.get_common_prefix(p_key text, p_prefix text, p_delimiter text) returns text
    language sql immutable
    as $$
        select p_prefix || split_part(rest, p_delimiter, 1) || p_delimiter
        from (select substr(p_key, length(p_prefix) + 1)) as of (rest)
        where position(p_delimiter in rest) > 0
    $$;

create function storage.get_size_by_bucket() returns table (size bigint, bucket_id text)
    language plpgsql stable
    as $$
    begin
        return query
            select sum((o.metadata ->> 'size')::bigint)::bigint, o.bucket_id
            from storage.objects as o group by o.bucket_id;
    end
    $$;

-- An upload is tried with the caller's rights and undone, by an error with its own code.
create function storage.can_insert_object(bucketid text, name text, owner uuid, metadata jsonb)
    returns void
    language plpgsql
    as $$
    begin
        insert into storage.objects (bucket_id, name, owner, metadata)
        values (bucketid, name, owner, metadata);
        raise sqlstate 'PT200' using message = 'ROLLBACK', detail = 'rollback successful insert';
    end
    $$;

-- What lies in a bucket, a page at a time: folders end in the delimiter and have no row of their own.
create function storage.list_objects_with_delimiter(
    _bucket_id text, prefix_param text, delimiter_param text, max_keys integer default 100,
    start_after text default '', next_token text default '', sort_order text default 'asc')
    returns table (
        name text, id uuid, metadata jsonb, updated_at timestamptz, created_at timestamptz,
        last_accessed_at timestamptz)
    language plpgsql stable
    as $$
    declare
        descending constant boolean := lower(sort_order) = 'desc';
        after constant text := coalesce(nullif(next_token, ''), start_after);
    begin
        return query
            select * from (
                select distinct on (entry.name) entry.*
                from (
                    select coalesce(
                            storage.get_common_prefix(o.name, prefix_param, delimiter_param), o.name
                        ) collate "C" as name,
                        o.id, o.metadata, o.updated_at, o.created_at, o.last_accessed_at
                    from storage.objects as o
                    where o.bucket_id = _bucket_id and starts_with(o.name, prefix_param)
                ) as entry
                where after = '' or case when descending then entry.name < after collate "C"
                    else entry.name > after collate "C" end
                order by entry.name
            ) as found
            order by case when descending then found.name end desc, found.name
            limit max_keys;
    end
    $$;

create function storage.list_multipart_uploads_with_delimiter(
    bucket_id text, prefix_param text, delimiter_param text, max_keys integer default 100,
    next_key_token text default '', next_upload_token text default '')
    returns table (key text, id text, created_at timestamptz)
    language plpgsql
    as $$
    begin
        return query
            select distinct on (entry.key) entry.key, entry.id, entry.created_at
            from (
                select coalesce(
                        storage.get_common_prefix(u.key, prefix_param, delimiter_param), u.key
                    ) collate "C" as key,
                    u.id, u.created_at
                from storage.s3_multipart_uploads as u
                where u.bucket_id = $1 and starts_with(u.key, prefix_param)
            ) as entry
            where (entry.key, entry.id) > (next_key_token collate "C", next_upload_token)
            order by entry.key, entry.created_at
            limit max_keys;
    end
    $$;

-- One level of a bucket's tree, `levels` parts deep: folders first, which have no row of their own.
create function storage.search(
    prefix text, bucketname text, limits integer default 100, levels integer default 1,
    offsets integer default 0, search text default '', sortcolumn text default 'name',
    sortorder text default 'asc')
    returns table (
        name text, id uuid, updated_at timestamptz, created_at timestamptz,
        last_accessed_at timestamptz, metadata jsonb)
    language sql stable
    as $$
        with found as (
            select *, path_tokens[levels] as part, cardinality(path_tokens) = levels as is_object
            from storage.objects
            where bucket_id = bucketname and cardinality(path_tokens) >= levels
                and name ilike prefix || search || '%'
        ), entries as (
            select part, id, updated_at, created_at, last_accessed_at, metadata
            from found where is_object
            union all
            select distinct part, null::uuid, null::timestamptz, null::timestamptz,
                null::timestamptz, null::jsonb
            from found where not is_object
        ), sorted as (
            select *, lower(sortorder) = 'desc' as falls,
                case sortcolumn when 'updated_at' then updated_at when 'created_at' then created_at
                    when 'last_accessed_at' then last_accessed_at end as stamp
            from entries
        )
        select part, id, updated_at, created_at, last_accessed_at, metadata from sorted
        order by id is not null, case when not falls then stamp end,
            case when falls then stamp end desc, case when not falls then part end,
            case when falls then part end desc
        limit limits offset offsets
    $$;

-- The same by pages: `start_after` is the last name seen, `sort_column_after` its time.
create function storage.search_v2(
    prefix text, bucket_name text, limits integer default 100, levels integer default 1,
    start_after text default '', sort_order text default 'asc', sort_column text default 'name',
    sort_column_after text default '')
    returns table (
        key text, name text, id uuid, updated_at timestamptz, created_at timestamptz,
        last_accessed_at timestamptz, metadata jsonb)
    language sql stable
    as $$
        with entries as (
            select s.name as key,
                array_to_string((string_to_array(prefix, '/'))[1:levels - 1] || s.name, '/')
                    || case when s.id is null then '/' else '' end as name,
                s.id, s.updated_at, s.created_at, s.last_accessed_at, s.metadata,
                case sort_column when 'updated_at' then s.updated_at
                    when 'created_at' then s.created_at end as stamp,
                row_number() over () as place
            from storage.search(prefix, bucket_name, null, levels, 0, '', sort_column, sort_order)
                as s
        )
        select key, name, id, updated_at, created_at, last_accessed_at, metadata from entries
        where start_after = '' or case
            when sort_column_after <> '' and stamp is not null then case lower(sort_order)
                when 'desc' then (stamp, name) < (sort_column_after::timestamptz, start_after)
                else (stamp, name) > (sort_column_after::timestamptz, start_after) end
            when lower(sort_order) = 'desc' then name < start_after
            else name > start_after end
        order by place
        limit limits
    $$;

create function storage.search_by_timestamp(
    p_prefix text, p_bucket_id text, p_limit integer, p_level integer, p_start_after text,
    p_sort_order text, p_sort_column text, p_sort_column_after text)
    returns table (
        key text, name text, id uuid, updated_at timestamptz, created_at timestamptz,
        last_accessed_at timestamptz, metadata jsonb)
    language sql stable
    as $$
        select * from storage.search_v2(
            p_prefix, p_bucket_id, p_limit, p_level, p_start_after, p_sort_order, p_sort_column,
            p_sort_column_after)
    $$;

create function storage.enforce_bucket_name_length() returns trigger
    language plpgsql
    as $$
    begin
        if length(new.name) > 100 then
            raise exception 'bucket name "%" is too long (% characters, 100 are allowed)',
                new.name, length(new.name);
        end if;
        return new;
    end
    $$;

create function storage.update_updated_at_column() returns trigger
    language plpgsql
    as $$
    begin
        new.updated_at := now();
        return new;
    end
    $$;

-- Rows go by the Storage API, so that no file stays behind without one.
create function storage.protect_delete() returns trigger
    language plpgsql
    as $$
    begin
        if coalesce(current_setting('storage.allow_delete_query', true), '') <> 'true' then
            raise exception 'Direct deletion from storage tables is not allowed. '
                'Use the Storage API instead.'
                using errcode = 'insufficient_privilege',
                    hint = 'A deleted row leaves its file behind, which nobody then finds.';
        end if;
        return null;
    end
    $$;

create trigger enforce_bucket_name_length_trigger
    before insert or update of name on storage.buckets
    for each row execute function storage.enforce_bucket_name_length();
create trigger protect_buckets_delete before delete on storage.buckets
    for each statement execute function storage.protect_delete();
create trigger update_objects_updated_at before update on storage.objects
    for each row execute function storage.update_updated_at_column();
create trigger protect_objects_delete before delete on storage.objects
    for each statement execute function storage.protect_delete();

do $$
declare
    one regclass;
    routine regprocedure;
begin
    for one in select oid from pg_class
        where relnamespace = 'storage'::regnamespace and relkind = 'r'
    loop
        execute format('alter table %s enable row level security', one);
        execute format('alter table %s owner to supabase_storage_admin', one);
        execute format('grant all on %s to service_role', one);
        execute format('grant select on %s to anon, authenticated', one);
    end loop;
    for routine in select oid from pg_proc where pronamespace = 'storage'::regnamespace
    loop
        execute format('alter function %s owner to supabase_storage_admin', routine);
    end loop;
end
$$;
alter type storage.buckettype owner to supabase_storage_admin;
grant all on storage.buckets, storage.objects to postgres with grant option;
grant all on storage.buckets, storage.objects, storage.buckets_analytics to anon, authenticated;
grant all on storage.migrations to postgres, anon, authenticated;
revoke insert, update, delete, truncate, references, trigger
    on storage.buckets_vectors, storage.vector_indexes from service_role;
