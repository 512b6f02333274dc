drop view public.api_key_usage;
drop table public.api_audit_log;
