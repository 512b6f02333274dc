-- shipway: name="The hash of a key is never shown, not even to its owner" expect=error:42501
-- shipway: role=authenticated claims='{"sub":"usr_ada","role":"authenticated"}'
select key_hash from public.api_key
