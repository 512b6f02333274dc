delete from public.api_audit_log where api_key_id in (
    '0b6f1f0e-6c1f-4a53-9d0a-4f5a1c1f9a01',
    '0b6f1f0e-6c1f-4a53-9d0a-4f5a1c1f9a02',
    '0b6f1f0e-6c1f-4a53-9d0a-4f5a1c1f9a03'
);
delete from public.api_key where id in (
    '0b6f1f0e-6c1f-4a53-9d0a-4f5a1c1f9a01',
    '0b6f1f0e-6c1f-4a53-9d0a-4f5a1c1f9a02',
    '0b6f1f0e-6c1f-4a53-9d0a-4f5a1c1f9a03'
);
alter table public.api_audit_log alter column id restart;
