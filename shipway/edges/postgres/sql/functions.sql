-- Functions and procedures.
select
    case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end,
    n.nspname, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
    array[
        'returns', pg_get_function_result(p.oid),
        'language', l.lanname,
        'security', case when p.prosecdef then 'definer' end,
        'volatility', case p.provolatile when 'i' then 'immutable' when 's' then 'stable'
            else 'volatile' end,
        'strict', case when p.proisstrict then 'yes' end,
        'leakproof', case when p.proleakproof then 'yes' end,
        'settings', array_to_string(p.proconfig, ', '),
        'body', md5(coalesce(pg_get_function_sqlbody(p.oid), p.prosrc))]
from pg_proc as p
join ours as n on n.oid = p.pronamespace
join pg_language as l on l.oid = p.prolang
where not exists (select from brought where classid = 'pg_proc'::regclass and objid = p.oid)
