"""Three migrations, and databases in which each other tool has applied the first two of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from shipway.values import Secret

FILES = {
    "20260101000000_first.sql": "CREATE TABLE first ();",
    "20260102000000_second.sql": "CREATE TABLE second ();",
    "20260103000000_third.sql": "CREATE TABLE third ();",
}
TOOLS = {
    "Supabase CLI": "CREATE SCHEMA IF NOT EXISTS supabase_migrations;"
    "CREATE TABLE supabase_migrations.schema_migrations"
    " (version text NOT NULL PRIMARY KEY, statements text[], name text);"
    "INSERT INTO supabase_migrations.schema_migrations (version, name) VALUES"
    " ('20260101000000', 'first'), ('20260102000000', 'second')",
    "dbmate": "CREATE TABLE public.schema_migrations (version varchar PRIMARY KEY);"
    "INSERT INTO public.schema_migrations VALUES ('20260101000000'), ('20260102000000')",
    "golang-migrate": "CREATE TABLE public.schema_migrations"
    " (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL);"
    "INSERT INTO public.schema_migrations VALUES (20260102000000, false)",
    "Prisma": "CREATE TABLE public._prisma_migrations (id varchar(36) PRIMARY KEY,"
    " checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL,"
    " logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(),"
    " applied_steps_count integer NOT NULL DEFAULT 0);"
    "INSERT INTO public._prisma_migrations (id, checksum, finished_at, migration_name,"
    " rolled_back_at) VALUES ('1', 'x', now(), '20260101000000_first', NULL),"
    " ('2', 'x', now(), '20260102000000_second', NULL),"
    " ('3', 'x', NULL, '20260103000000_third', now())",
    "node-pg-migrate": "CREATE TABLE public.pgmigrations"
    " (id serial PRIMARY KEY, name varchar(255) NOT NULL, run_on timestamp NOT NULL);"
    "INSERT INTO public.pgmigrations (name, run_on) VALUES"
    " ('20260101000000_first', now()), ('20260102000000_second', now())",
    "Flyway": "CREATE TABLE public.flyway_schema_history (installed_rank int PRIMARY KEY,"
    " version varchar(50), description varchar(200) NOT NULL, type varchar(20) NOT NULL,"
    " script varchar(1000) NOT NULL, checksum int, installed_by varchar(100) NOT NULL,"
    " installed_on timestamp NOT NULL DEFAULT now(), execution_time int NOT NULL,"
    " success boolean NOT NULL);"
    "INSERT INTO public.flyway_schema_history VALUES"
    " (1, '20260101000000', 'first', 'SQL', 'V1__first.sql', 1, 'me', now(), 1, true),"
    " (2, '20260102000000', 'second', 'SQL', 'V2__second.sql', 1, 'me', now(), 1, true),"
    " (3, NULL, 'views', 'SQL', 'R__views.sql', 1, 'me', now(), 1, true)",
    "sqitch": "CREATE SCHEMA sqitch; CREATE TABLE sqitch.changes (change_id text PRIMARY KEY,"
    " script_hash text, change text NOT NULL, project text NOT NULL, note text NOT NULL,"
    " committed_at timestamptz NOT NULL, planned_at timestamptz NOT NULL);"
    "INSERT INTO sqitch.changes VALUES ('b', 'h', 'second', 'p', '', now(), now()),"
    " ('a', 'h', 'first', 'p', '', now() - interval '1 day', now())",
}


def prepare(url: Secret, script: str) -> None:
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        connection.execute(script.encode())
