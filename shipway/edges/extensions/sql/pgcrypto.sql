--! default_version = '1.3'
--! versions = '1.0 1.1 1.2 1.4'
--! relocatable = true
--+ sha1.part

-- What this stand-in does not compute it refuses: no answer is made up.
create function pgcrypto_lacks(what text) returns bytea
    language plpgsql volatile
    as $$
begin
    raise exception '% is not computed by this stand-in for pgcrypto', what
        using errcode = 'feature_not_supported',
            hint = 'It takes a server that has pgcrypto itself.';
end
$$;
create function pgcrypto_no_hash(name text) returns bytea
    language plpgsql volatile
    as $$
begin
    raise exception 'Cannot use "%": No such hash algorithm', name
        using errcode = 'invalid_parameter_value';
end
$$;

-- Digests -------------------------------------------------------------------------------------

create function digest(data bytea, type text) returns bytea
    language sql immutable strict parallel safe
    return case lower(type)
        when 'md5' then decode(md5(data), 'hex')
        when 'sha1' then pgcrypto_sha1(data)
        when 'sha224' then sha224(data)
        when 'sha256' then sha256(data)
        when 'sha384' then sha384(data)
        when 'sha512' then sha512(data)
        else case when lower(type) ~ '^(sha3-|sha512-|shake|blake2|ripemd|rmd160|whirlpool|sm3|md4)'
            then pgcrypto_lacks(format('digest %s', type)) else pgcrypto_no_hash(type) end
    end;
create function digest(data text, type text) returns bytea
    language sql immutable strict parallel safe
    return digest(convert_to(data, getdatabaseencoding()), type);

-- A key as long as a block, each byte XORed: RFC 2104.
create function pgcrypto_pad(key bytea, block int, pad int) returns bytea
    language plpgsql immutable strict parallel safe
    as $$
declare
    padded bytea := key || decode(repeat('00', block - length(key)), 'hex');
begin
    for i in 0 .. block - 1 loop
        padded := set_byte(padded, i, get_byte(padded, i) # pad);
    end loop;
    return padded;
end
$$;
create function pgcrypto_hmac(data bytea, key bytea, type text, block int) returns bytea
    language sql immutable strict parallel safe
    return digest(
        pgcrypto_pad(key, block, 92) || digest(pgcrypto_pad(key, block, 54) || data, type), type);
create function hmac(data bytea, key bytea, type text) returns bytea
    language sql immutable strict parallel safe
    return pgcrypto_hmac(
        data,
        case when length(key) > length(digest(''::bytea, type)) / 48 * 64 + 64
            then digest(key, type) else key end,
        type,
        -- SHA-384 and SHA-512 work on blocks of 128 bytes, the others on 64.
        case when length(digest(''::bytea, type)) >= 48 then 128 else 64 end);
create function hmac(data text, key text, type text) returns bytea
    language sql immutable strict parallel safe
    return hmac(
        convert_to(data, getdatabaseencoding()), convert_to(key, getdatabaseencoding()), type);

-- Random bytes --------------------------------------------------------------------------------

create function gen_random_bytes(int4) returns bytea
    language plpgsql volatile strict parallel safe
    as $$
declare
    found bytea := '';
    one bytea;
begin
    if $1 not between 1 and 1024 then
        raise exception 'Length not in range' using errcode = 'external_routine_invocation_exception';
    end if;
    -- Of a UUID's sixteen bytes these fourteen are random, from the server's strong source.
    while length(found) < $1 loop
        one := uuid_send(gen_random_uuid());
        found := found || substr(one, 1, 6) || substr(one, 8, 1) || substr(one, 10, 7);
    end loop;
    return substr(found, 1, $1);
end
$$;
create function gen_random_uuid() returns uuid language sql volatile parallel safe
    return pg_catalog.gen_random_uuid();

-- Passwords -----------------------------------------------------------------------------------

--+ blowfish.part

-- Three bytes as four digits of the alphabet that crypt(3) has, the lowest bits first.
create function pgcrypto_itoa64(value int, digits int) returns text
    language sql immutable strict parallel safe
    return (
        select string_agg(
            substr('./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
                ((value >> (i * 6)) & 63) + 1, 1), '' order by i)
        from generate_series(0, digits - 1) as i);
-- Bcrypt's alphabet is base64 in another order.
create function pgcrypto_bcrypt_text(bytes bytea) returns text
    language sql immutable strict parallel safe
    return translate(
        rtrim(encode(bytes, 'base64'), '='),
        'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/',
        './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789');
create function pgcrypto_bcrypt_bytes(digits text) returns bytea
    language sql immutable strict parallel safe
    return decode(
        translate(
            rpad(digits, 22, '.'),
            './ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
            'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') || '==',
        'base64');

-- The thousand rounds of MD5 that FreeBSD's crypt makes of a password.
create function pgcrypto_md5_rounds(password bytea, salt bytea) returns bytea
    language plpgsql immutable strict parallel safe
    as $$
declare
    final bytea := decode(md5(password || salt || password), 'hex');
    mixed bytea := password || '$1$'::bytea || salt;
    n int := length(password);
begin
    mixed := mixed || substr(decode(repeat(encode(final, 'hex'), n / 16 + 1), 'hex'), 1, n);
    while n > 0 loop
        mixed := mixed || case n & 1 when 1 then '\x00'::bytea else substr(password, 1, 1) end;
        n := n >> 1;
    end loop;
    final := decode(md5(mixed), 'hex');
    for i in 0 .. 999 loop
        final := decode(md5(
            case i & 1 when 1 then password else final end
            || case when i % 3 = 0 then ''::bytea else salt end
            || case when i % 7 = 0 then ''::bytea else password end
            || case i & 1 when 1 then final else password end), 'hex');
    end loop;
    return final;
end
$$;
create function pgcrypto_md5_text(final bytea) returns text
    language sql immutable strict parallel safe
    return (
        select string_agg(pgcrypto_itoa64(
            (get_byte(final, i) << 16) | (get_byte(final, i + 6) << 8)
            | get_byte(final, case i when 4 then 5 else i + 12 end), 4), '' order by i)
        from generate_series(0, 4) as i) || pgcrypto_itoa64(get_byte(final, 11), 2);

create function pgcrypto_salt(digits int) returns text
    language sql volatile strict parallel safe
    return (
        select string_agg(pgcrypto_itoa64(get_byte(random, i), 1), '' order by i)
        from gen_random_bytes(digits) as random, generate_series(0, digits - 1) as i);
create function pgcrypto_refused(what text) returns text
    language plpgsql volatile
    as $$
begin
    raise exception '%', what using errcode = 'invalid_parameter_value';
end
$$;

create function crypt(password text, salt text) returns text
    language sql immutable strict parallel safe
    return case
        when salt ~ '^\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{22}' then
            left(salt, 7)
            || pgcrypto_bcrypt_text(pgcrypto_bcrypt_bytes(substr(salt, 8, 22)))
            || pgcrypto_bcrypt_text(pgcrypto_bcrypt(
                convert_to(password, getdatabaseencoding()),
                pgcrypto_bcrypt_bytes(substr(salt, 8, 22)),
                substr(salt, 5, 2)::int))
        when salt like '$1$%' then
            '$1$' || left(split_part(salt, '$', 3), 8) || '$' || pgcrypto_md5_text(
                pgcrypto_md5_rounds(
                    convert_to(password, getdatabaseencoding()),
                    convert_to(left(split_part(salt, '$', 3), 8), getdatabaseencoding())))
        when salt ~ '^(\$2x\$|\$[56]\$|_|[./A-Za-z0-9]{2})' then
            encode(pgcrypto_lacks(format('crypt with the salt %s', left(salt, 3))), 'escape')
        else pgcrypto_refused('invalid salt')
    end;

create function gen_salt(type text, rounds int4) returns text
    language sql volatile strict parallel safe
    return case lower(type)
        when 'bf' then case when rounds = 0 or rounds between 4 and 31
            then format('$2a$%s$', lpad(coalesce(nullif(rounds, 0), 6)::text, 2, '0'))
                || pgcrypto_bcrypt_text(gen_random_bytes(16))
            else pgcrypto_refused('gen_salt: Incorrect number of rounds') end
        when 'md5' then case when rounds in (0, 1000)
            then '$1$' || pgcrypto_salt(8)
            else pgcrypto_refused('gen_salt: Incorrect number of rounds') end
        when 'des' then case when rounds in (0, 25)
            then pgcrypto_salt(2)
            else pgcrypto_refused('gen_salt: Incorrect number of rounds') end
        when 'xdes' then case
            when rounds = 0 or rounds between 1 and 16777215 and rounds % 2 = 1
            then '_' || pgcrypto_itoa64(coalesce(nullif(rounds, 0), 725), 4) || pgcrypto_salt(4)
            else pgcrypto_refused('gen_salt: Incorrect number of rounds') end
        when 'sha256crypt' then encode(pgcrypto_lacks('gen_salt of sha256crypt'), 'escape')
        when 'sha512crypt' then encode(pgcrypto_lacks('gen_salt of sha512crypt'), 'escape')
        else pgcrypto_refused('gen_salt: Unknown salt algorithm')
    end;
create function gen_salt(type text) returns text
    language sql volatile strict parallel safe
    return gen_salt(type, 0);
