--! default_version = '1.0'
--! relocatable = true

create function moddatetime() returns trigger
    language plpgsql
    as $$
begin
    if tg_when <> 'BEFORE' or tg_op <> 'UPDATE' or tg_level <> 'ROW' or tg_nargs <> 1 then
        raise exception 'moddatetime: fire it for each row, before update, with one column';
    end if;
    return jsonb_populate_record(new, jsonb_build_object(tg_argv[0], now()));
end
$$;
