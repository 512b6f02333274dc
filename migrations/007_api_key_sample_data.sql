-- Keys of the sample people. The keys themselves were never valid anywhere.

insert into public.api_key
    (id, user_id, name, prefix, key_hash, scopes, created_at, expires_at, revoked_at)
values
    ('0b6f1f0e-6c1f-4a53-9d0a-4f5a1c1f9a01', 'usr_ada', 'Continuous integration', 'sk_demo_ada1',
     app.hash_of_key('sk_demo_ada1_not_a_real_key'), '{read,write}',
     '2026-09-01 08:00:00+00', '2027-09-01 08:00:00+00', null),
    ('0b6f1f0e-6c1f-4a53-9d0a-4f5a1c1f9a02', 'usr_ada', 'Old laptop', 'sk_demo_ada2',
     app.hash_of_key('sk_demo_ada2_not_a_real_key'), '{read}',
     '2026-08-05 10:30:00+00', null, '2026-10-11 16:00:00+00'),
    ('0b6f1f0e-6c1f-4a53-9d0a-4f5a1c1f9a03', 'usr_chidi', 'Data warehouse', 'sk_demo_chi1',
     app.hash_of_key('sk_demo_chi1_not_a_real_key'), '{read}',
     '2026-10-01 12:00:00+00', '2027-04-01 12:00:00+00', null);

insert into public.api_audit_log
    (at, user_id, api_key_id, method, path, status, duration_ms, address)
select
    '2026-11-01 00:00:00+00'::timestamptz + call * interval '37 minutes',
    key.user_id,
    key.id,
    (array['GET', 'GET', 'GET', 'POST'])[1 + call % 4],
    (array['/api/projects', '/api/reports', '/api/me', '/api/events'])[1 + call % 4],
    case when call % 97 = 0 then 503 when call % 31 = 0 then 404 else 200 end,
    12 + (call * 7) % 180,
    '192.0.2.10'
from generate_series(1, 400) as call
join public.api_key as key
    on key.id = case call % 3
        when 0 then '0b6f1f0e-6c1f-4a53-9d0a-4f5a1c1f9a03'::uuid
        else '0b6f1f0e-6c1f-4a53-9d0a-4f5a1c1f9a01'::uuid
    end;

update public.api_key as key
set last_used_at = used.last_call_at
from public.api_key_usage as used
where used.api_key_id = key.id;
