-- shipway: name="The server finds a valid key by its hash" expect=rows role=service_role
select id, user_id, scopes
from public.api_key
where key_hash = app.hash_of_key('sk_demo_ada1_not_a_real_key')
    and revoked_at is null
    and (expires_at is null or expires_at > now())
