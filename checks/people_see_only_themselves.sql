-- shipway: name="A signed-in person sees exactly one user" expect=value:1
-- shipway: role=authenticated claims='{"sub":"usr_ada","role":"authenticated"}'
select count(*) from public."user"
