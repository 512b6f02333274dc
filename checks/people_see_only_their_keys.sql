-- shipway: name="A signed-in person sees no key of another" expect=empty
-- shipway: role=authenticated claims='{"sub":"usr_ada","role":"authenticated"}'
select id, user_id from public.api_key where user_id <> 'usr_ada'
