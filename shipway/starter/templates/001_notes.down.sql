-- undoes 001_notes.sql
drop table public.notes;
