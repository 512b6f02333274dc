-- shipway: name="The database answers" expect=value:1 within=500ms
-- An example of a critical query. Replace it by the questions that your app lives by: a query, the
-- role that asks it, and what must come out. docs/verify.md of shipway tells the words of this head.
select 1
