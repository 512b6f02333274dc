-- Four people to look at, on addresses that no one can own.

insert into public."user" ("id", "name", "email", "emailVerified", "createdAt") values
    ('usr_ada',   'Ada Moreau',    'ada@example.com',   true,  '2026-08-03 09:12:00+00'),
    ('usr_bela',  'Béla Kovács',   'bela@example.com',  true,  '2026-08-19 14:40:00+00'),
    ('usr_chidi', 'Chidi Okafor',  'chidi@example.com', true,  '2026-09-27 07:05:00+00'),
    ('usr_dana',  'Dana Lindqvist','dana@example.com',  false, '2026-11-02 18:21:00+00');

insert into public.account ("id", "accountId", "providerId", "userId") values
    ('acc_ada',   '8812',      'github',     'usr_ada'),
    ('acc_bela',  '10944',     'github',     'usr_bela'),
    ('acc_chidi', 'usr_chidi', 'credential', 'usr_chidi'),
    ('acc_dana',  'usr_dana',  'credential', 'usr_dana');

insert into public.user_metas (user_id, plan, locale, time_zone, preferences) values
    ('usr_ada',   'team',       'fr', 'Europe/Paris',     '{"theme": "dark"}'),
    ('usr_bela',  'free',       'hu', 'Europe/Budapest',  '{}'),
    ('usr_chidi', 'enterprise', 'en', 'Africa/Lagos',     '{"digest": "weekly"}'),
    ('usr_dana',  'free',       'sv', 'Europe/Stockholm', '{"theme": "light"}');
