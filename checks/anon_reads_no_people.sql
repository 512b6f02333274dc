-- shipway: name="Visitors cannot read who our users are" expect=error:42501 role=anon
select "id", "email" from public."user" limit 1
