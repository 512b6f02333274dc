--! default_version = '1.4.1'
--! versions = '1.3.1 1.4.0 1.4.2'
--! relocatable = true
-- A hypothetical index is a matter of the planner, which plain SQL cannot reach.

create function hypopg(
    out indexname text, out indexrelid oid, out indrelid oid, out innatts integer,
    out indisunique boolean, out indkey int2vector, out indcollation oidvector,
    out indclass oidvector, out indoption oidvector, out indexprs pg_node_tree,
    out indpred pg_node_tree, out amid oid) returns setof record
    language sql
    as $$select null::text, null::oid, null::oid, null::int, null::bool, null::int2vector,
        null::oidvector, null::oidvector, null::oidvector, null::pg_node_tree, null::pg_node_tree,
        null::oid where false$$;
create function hypopg_refused() returns oid
    language plpgsql
    as $$
begin
    raise exception 'the extension hypopg is a stand-in here: no hypothetical index can be made'
        using errcode = 'feature_not_supported';
end
$$;
create function hypopg_create_index(sql_order text, out indexrelid oid, out indexname text)
    returns setof record
    language sql
    begin atomic select hypopg_refused(), null::text; end;
create function hypopg_drop_index(indexid oid) returns bool language sql return false;
create function hypopg_reset() returns void language sql as '';
create function hypopg_reset_index() returns void language sql as '';
create function hypopg_relation_size(indexid oid) returns bigint
    language sql return hypopg_refused()::bigint;
create function hypopg_get_indexdef(indexid oid) returns text
    language sql return hypopg_refused()::text;
create function hypopg_hide_index(indexid oid) returns bool language sql return false;
create function hypopg_unhide_index(indexid oid) returns bool language sql return false;
create function hypopg_unhide_all_indexes() returns void language sql as '';
create function hypopg_hidden_indexes() returns table (indexid oid)
    language sql begin atomic select 0::oid where false; end;
create view hypopg_list_indexes as
    select null::oid as indexrelid, null::text as index_name, null::name as schema_name,
        null::name as table_name, null::name as am_name where false;
create view hypopg_hidden_indexes as
    select null::oid as indexrelid, null::name as index_name, null::name as schema_name,
        null::name as table_name, null::name as am_name, null::bool as is_hypo where false;
