drop table public.api_key;
drop function app.hash_of_key(text);
