--! default_version = '1.1'
--! relocatable = true
--+ sha1.part

create function uuid_nil() returns uuid language sql immutable strict parallel safe
    return '00000000-0000-0000-0000-000000000000'::uuid;
-- The four name spaces of RFC 9562.
create function uuid_ns_dns() returns uuid language sql immutable strict parallel safe
    return '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid;
create function uuid_ns_url() returns uuid language sql immutable strict parallel safe
    return '6ba7b811-9dad-11d1-80b4-00c04fd430c8'::uuid;
create function uuid_ns_oid() returns uuid language sql immutable strict parallel safe
    return '6ba7b812-9dad-11d1-80b4-00c04fd430c8'::uuid;
create function uuid_ns_x500() returns uuid language sql immutable strict parallel safe
    return '6ba7b814-9dad-11d1-80b4-00c04fd430c8'::uuid;

-- The first sixteen bytes as a UUID of this version.
create function uuid_ossp_of(bytes bytea, version int) returns uuid
    language sql immutable strict parallel safe
    return encode(
        set_byte(
            set_byte(substr(bytes, 1, 16), 6, (get_byte(bytes, 6) & 15) | (version << 4)),
            8, (get_byte(bytes, 8) & 63) | 128),
        'hex')::uuid;

create function uuid_generate_v3(namespace uuid, name text) returns uuid
    language sql immutable strict parallel safe
    return uuid_ossp_of(
        decode(md5(uuid_send(namespace) || convert_to(name, 'UTF8')), 'hex'), 3);
create function uuid_generate_v4() returns uuid language sql volatile strict parallel safe
    return gen_random_uuid();
create function uuid_generate_v5(namespace uuid, name text) returns uuid
    language sql immutable strict parallel safe
    return uuid_ossp_of(uuid_ossp_sha1(uuid_send(namespace) || convert_to(name, 'UTF8')), 5);

-- Version 1: now in tenths of a microsecond since 1582, fourteen random bits, and the node.
create function uuid_ossp_of_now(node bytea) returns uuid language plpgsql volatile strict
    parallel safe
    as $$
declare
    random constant bytea := uuid_send(gen_random_uuid());
    stamp constant bytea := int8send(
        (extract(epoch from clock_timestamp()) * 1000000)::bigint * 10 + get_byte(random, 0) % 10
        + 122192928000000000);
begin
    return encode(
        substr(stamp, 5, 4) || substr(stamp, 3, 2)
        || set_byte(substr(stamp, 1, 2), 0, (get_byte(stamp, 0) & 15) | 16)
        || set_byte(substr(random, 1, 2), 0, (get_byte(random, 0) & 63) | 128)
        || node,
        'hex')::uuid;
end
$$;
-- A node that is made up has the bit that no network card has.
create function uuid_ossp_node(made_of bytea) returns bytea
    language sql immutable strict parallel safe
    return set_byte(substr(made_of, 1, 6), 0, get_byte(made_of, 0) | 1);

-- In place of the network card's address: what stays the same while this server runs.
create function uuid_generate_v1() returns uuid language sql volatile strict parallel safe
    return uuid_ossp_of_now(
        uuid_ossp_node(decode(md5(pg_postmaster_start_time()::text), 'hex')));
create function uuid_generate_v1mc() returns uuid language sql volatile strict parallel safe
    return uuid_ossp_of_now(uuid_ossp_node(uuid_send(gen_random_uuid())));
