drop table public.verification;
drop table public.account;
drop table public.session;
