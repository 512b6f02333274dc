"""A copy runs on the PostgreSQL that is most like its target: by version and by extensions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.copies.rehearsal_room import install_like
from shipway.edges.servers.cluster import Cluster, installs
from shipway.values.basics import Secret
from tests.fixtures.backing_up import back_up, room
from tests.fixtures.lint_cases import serve_dressed, url_of
from tests.fixtures.migrating import ask

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.edges.servers.cluster import Install

USED = """
    create extension if not exists vector with schema extensions;
    create extension pg_trgm with schema extensions;
    create extension citext with schema extensions;
    create extension postgres_fdw with schema extensions;
    create server billing foreign data wrapper postgres_fdw options (host '127.0.0.1', port '1');
    grant usage on foreign server billing to postgres;
    create table public.doc (
        id int generated always as identity primary key,
        title text, mail extensions.citext unique, e extensions.vector(2));
    insert into public.doc (title, mail, e) values ('a title', 'A@x.org', '[1,2]');
    create index doc_title on public.doc using gin (title extensions.gin_trgm_ops);
    create index doc_e on public.doc using hnsw (e extensions.vector_l2_ops);
    create foreign table public.invoice (id int, total numeric) server billing;
    alter table public.doc owner to postgres;
    alter foreign table public.invoice owner to postgres;
"""
ANSWERS = {
    "select count(*) from pg_indexes where indexname in ('doc_title', 'doc_e')": (2,),
    # Compared as citext compares, which no domain over text does.
    "select mail::text from public.doc where mail operator(extensions.=) 'a@X.org'": ("A@x.org",),
    "select to_regclass('public.invoice') is not null": (True,),
}


def test_a_copy_has_the_extensions_that_its_target_has_and_all_that_hangs_on_them(
    admin_url: Secret, database_url: Secret, tmp_path: Path
) -> None:
    with psycopg.connect(admin_url.reveal(), autocommit=True) as connection:
        connection.execute(USED)
    backup = back_up(database_url, tmp_path)
    with room(tmp_path).copy_of(backup) as copy:
        assert copy.restored.left_out == ("server billing leads nowhere on the copy",)
        assert copy.restored.errors == ()
        for query, answer in ANSWERS.items():
            assert ask(copy._admin, query) == [answer]  # noqa: SLF001 - looks past it


@pytest.mark.parametrize(
    "install",
    [one for one in installs() if not one.source.startswith("/")],
    ids=lambda install: install.version,
)
def test_a_copy_has_the_major_of_its_target_where_it_is_installed(
    install: Install, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cluster = Cluster(tmp_path_factory.mktemp("target"), install)
    try:
        port = serve_dressed(cluster)
        url = url_of(port, "postgres", "dressed")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create schema app; create table app.t (id int primary key)")
        backup = back_up(Secret(url), tmp_path)
        with room(tmp_path).copy_of(backup) as copy:
            assert copy.restored.errors == ()
            assert copy.restored.server_version.startswith(f"{install.major}.")
    finally:
        cluster.destroy()


def test_a_target_whose_major_lacks_an_extension_gets_a_newer_server_that_has_it() -> None:
    assert install_like(16, ["plpgsql"]).major == 16
    taken = install_like(16, ["plpgsql", "vector", "pg_trgm"])
    assert taken.extensions >= {"vector", "pg_trgm"}
    # What is stood in for leads to no other major than the one that would be taken without it.
    needed = install_like(16, ["vector"])
    assert install_like(16, ["vector", "pgcrypto", "uuid-ossp"]).major == needed.major
