-- Their accounts and metas go with them.
delete from public."user" where "id" in ('usr_ada', 'usr_bela', 'usr_chidi', 'usr_dana');
