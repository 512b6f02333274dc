drop table public."user";
drop function app.current_user_id();
drop function app.set_updated_at();
drop schema app;
