--! default_version = '3.1.10'
--! versions = '3.1.5 3.1.8 3.2.3'
--! schema = 'pg_catalog'
-- Functions can be written down; calling one fails, as there is no JavaScript here.

create function plv8_call_handler() returns language_handler
    language internal as 'language_handler_in';
create trusted language plv8 handler plv8_call_handler;
create function plv8_version() returns text language sql as $$select '3.1.10'::text$$;
