-- shipway: name="Visitors cannot read API keys" expect=error:42501 role=anon
select id from public.api_key limit 1
