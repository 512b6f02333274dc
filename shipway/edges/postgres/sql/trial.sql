-- Runs statements one after the other as the role that is set, and keeps how each went: rows,
-- none, or the SQLSTATE that refused it. The transaction around it is read-only.
do $trial$
declare
    statement text;
    seen bigint;
    went text[] := '{}';
begin
    for statement in
        select value from jsonb_array_elements_text(current_setting('shipway.statements')::jsonb)
    loop
        begin
            execute statement;
            get diagnostics seen = row_count;
            went := went || case when seen > 0 then 'rows' else 'none' end;
        exception when others then
            went := went || sqlstate;
        end;
    end loop;
    perform set_config('shipway.went', array_to_string(went, ' '), true);
end
$trial$
