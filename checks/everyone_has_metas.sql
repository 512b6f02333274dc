-- shipway: name="Every person has a row of metas" expect=empty
select person."id"
from public."user" as person
left join public.user_metas as metas on metas.user_id = person."id"
where metas.user_id is null
