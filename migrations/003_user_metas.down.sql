drop table public.user_metas;
drop type public.user_plan;
