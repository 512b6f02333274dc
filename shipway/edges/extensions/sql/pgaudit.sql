--! default_version = '17.0'
--! versions = '1.6.2 1.7 16.0'
--! relocatable = true
-- Settings whose names begin with pgaudit are taken by any server; nothing is written to a log.

create function pgaudit_ddl_command_end() returns event_trigger
    language plpgsql security definer as 'begin end';
create function pgaudit_sql_drop() returns event_trigger
    language plpgsql security definer as 'begin end';
