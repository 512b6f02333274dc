"""What a report of the server says of data, asked of a real server: places stay, values go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.postgres.diagnostics import UNTOLD, plain_message, report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shipway.values.basics import Secret

SETUP = """
create table visitor (mail text not null, age text, body jsonb, during int4range);
insert into visitor values ('ada@canary.example', 'canary years', '"canary"', '[1,4321234)');
insert into visitor values ('canary@canary.example', 'canary', null, null);
create table pet (owner text, name text);
insert into pet values ('canary', 'canary'), ('canary', 'another');
create view young as select * from visitor where age < 'b' with check option;
create table part (mail text) partition by list (mail);
create table part_a partition of part for values in ('a');
create table only_once (mail text primary key);
insert into only_once select mail from visitor;
create table checked (mail text check (mail = 'x'));
create table referring (mail text references pets_of_others);
create table apart (mail text, constraint alone exclude using btree (mail with =));
insert into apart select mail from visitor;
create function refuse(t text) returns text language plpgsql as $$
begin raise exception 'no % here', t using detail = t, hint = t, errcode = '42P01'; end $$;
create function strict_one(t text) returns text language plpgsql as $$
#print_strict_params on
declare found text;
begin select mail into strict found from visitor where mail <> t; return found; end $$;
create function careful(t text) returns text language plpgsql as $$
begin assert false, t; return t; end $$;
""".replace("create table referring", "create table pets_of_others (mail text primary key);"
            "create table referring")  # fmt: skip

A_MAIL = "declare m text; begin select mail into m from visitor limit 1;"
# A statement that fails on the rows, and what of the message must stay.
FAILS = {
    "insert into visitor select null, age from visitor": "null value in column",
    "insert into only_once select mail from visitor": "only_once_pkey",
    "insert into checked select mail from visitor": 'relation "checked" violates check constraint',
    "insert into referring select mail from visitor": 'table "referring" violates foreign key',
    "insert into apart select mail from visitor": 'violates exclusion constraint "alone"',
    "create unique index twice on pet (owner)": 'could not create unique index "twice"',
    "alter table visitor add check (age::int > 3)": "type integer",
    "select mail::date from visitor": "type date",
    "select mail::uuid from visitor": "type uuid",
    "select ('[' || age)::json from visitor": "type json",
    "select ('{' || age)::text[] from visitor": "malformed array",
    "select mail::regclass from visitor": "does not exist",
    "select substr(age, 1, 6)::regrole from visitor": "role",
    "select substr(age, 1, 6)::regtype from visitor": "type",
    "insert into young select mail, 'x' || age from visitor": 'check option for view "young"',
    "insert into part select mail from visitor": 'no partition of relation "part"',
    "select refuse(mail) from visitor": UNTOLD,
    "select strict_one('canary')": "query returned more than one row",
    "select careful(mail) from visitor": UNTOLD,
    f"do $$ {A_MAIL} execute 'select * from ' || quote_ident(m); end $$": "does not exist",
    f"do $$ {A_MAIL} execute quote_literal(m); end $$": "syntax error",
    "do $$ declare m int; begin m := (select mail from visitor limit 1); end $$": "type integer",
    f"do $$ {A_MAIL} raise exception 'mail % of % is bad', m, 3; end $$": "mail … of 3 is bad",
    f"do $$ {A_MAIL} raise exception using message = 'bad ' || m; end $$": UNTOLD,
    f"do $$ {A_MAIL} raise unique_violation using message = m, hint = m; end $$": UNTOLD,
}
KEPT = [
    ("drop table visitor", "view young depends on table visitor"),
    ("alter table nowhere add x int", 'relation "nowhere" does not exist'),
    ('select * from "No Where"', 'relation "No Where" does not exist'),
    ("alter table Visitor add column AGE text", 'column "age" of relation "visitor"'),
    ("grant select on visitor to nobody_here", 'role "nobody_here" does not exist'),
    ("select visitor_of(1)", "function visitor_of(integer) does not exist"),
    ("selec 1", 'syntax error at or near "selec"'),
    ("select mial from visitor", 'Perhaps you meant to reference the column "visitor.mail"'),
    ("do $$ begin raise exception 'stop: it''s Friday'; end $$", "stop: it's Friday"),
    ("do $$ begin execute 'drop table nowhere'; end $$", 'table "nowhere" does not exist'),
    ("create extension vector version '9.9'", 'extension "vector" has no installation script'),
    ("do $$ begin execute 'select 1/0'; end $$", 'SQL statement "select 1/0"'),
    ("do $$ begin perform 1/0; end $$", "PL/pgSQL function inline_code_block line 1"),
]


@pytest.fixture
def connection(database_url: Secret) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(database_url.reveal(), autocommit=True) as opened:
        opened.execute(SETUP.encode())
        yield opened


@pytest.mark.parametrize("query", FAILS)
def test_no_report_tells_what_the_rows_hold(
    connection: psycopg.Connection[tuple[object, ...]], query: str
) -> None:
    with pytest.raises(psycopg.Error) as error:
        connection.execute(query.encode())

    sent = query.replace("'canary'", "$1").encode()
    told = report(error.value.diag, sent=sent)

    whole = f"{error.value} {error.value.diag.message_detail} {error.value.diag.context}"
    assert "canary" in whole, "nothing was quoted"
    assert "canary" not in f"{told.message} {told.detail} {told.hint} {told.context}"
    assert "canary" not in plain_message(error.value, sent=sent)
    assert FAILS[query] in told.message
    assert "canary" in " ".join(told.rows), "it is not told to whoever asks for it either"


@pytest.mark.parametrize(("query", "kept"), KEPT)
def test_names_places_and_what_the_file_itself_says_are_told(
    connection: psycopg.Connection[tuple[object, ...]], query: str, kept: str
) -> None:
    with pytest.raises(psycopg.Error) as error:
        connection.execute(query.encode())

    told = report(error.value.diag, sent=query.encode())

    assert kept in f"{told.message} {told.detail} {told.hint} {told.context}"


def test_a_line_of_copy_is_told_by_its_number_alone(
    connection: psycopg.Connection[tuple[object, ...]],
) -> None:
    with (
        pytest.raises(psycopg.Error) as error,
        connection.cursor().copy("copy visitor (mail, during) from stdin") as copy,
    ):
        copy.write("ada@canary.example\tcanary\n")

    assert plain_message(error.value) == (
        'malformed range literal: "…" (COPY visitor, line 1, column during)'
    )


@pytest.mark.parametrize("piece", ["«", "'a ", "PL/", '"', "%", "0x00 "])
def test_a_report_of_any_length_is_cut_before_it_is_read(
    connection: psycopg.Connection[tuple[object, ...]], piece: str
) -> None:
    text = "repeat('" + piece.replace("'", "''") + "', 300000)"
    with pytest.raises(psycopg.Error) as error:
        connection.execute(
            f"do $$ begin raise exception using message = {text}, detail = {text}, "
            "errcode = '22023'; end $$".encode()
        )

    told = report(error.value.diag)

    assert told.message == UNTOLD
    assert sum(map(len, told.rows)) < 20_000
