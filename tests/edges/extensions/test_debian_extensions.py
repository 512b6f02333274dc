"""One script on Debian's own extensions and on the stand-ins gives the same answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from shipway.edges.extensions.folder import extensions_for
from shipway.edges.extensions.library import write_stand_ins
from shipway.edges.servers.cluster import HOST, Cluster, installs
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.cli

QUERIES = (
    (
        "select digest(t, a), hmac(t, k, a) from unnest(array['', 'abc', repeat('ü', 99)]) as t,"
        " unnest(array['', 'k', repeat('k', 200)]) as k,"
        " unnest(array['md5', 'SHA1', 'sha224', 'sha256', 'sha384', 'sha512']) as a"
    ),
    (
        "select crypt(p, s) from unnest(array['', 'secret', repeat('lang', 30), 'ü']) as p,"
        " unnest(array['$2a$04$abcdefghijklmnopqrstuv', '$1$abcdefgh', '$1$ab$', '$1$']) as s"
    ),
    "select length(gen_salt('bf')), left(gen_salt('bf', 8), 7), length(gen_salt('md5'))",
    "select length(gen_random_bytes(33)), octet_length(digest(null::text, 'md5'))",
    "select digest('a', 'nope')",
    "select gen_salt('nope')",
    "select gen_salt('bf', 40)",
    "select crypt('x', '')",
    "select gen_random_bytes(0)",
    "select gen_random_bytes(1025)",
    "select uuid_generate_v3(uuid_ns_url(), 'ü'), uuid_generate_v5(uuid_ns_oid(), ''), uuid_nil()",
    "select uuid_generate_v5(null, 'x')",
    "select substr(uuid_generate_v1()::text, 15, 1), substr(uuid_generate_v4()::text, 15, 1)",
)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[psycopg.Connection]]:
    """Return connections to a database with Debian's extensions, and to one with stand-ins."""
    (debian,) = [one for one in installs() if str(one.bin_dir).startswith("/usr/lib/postgresql/15")]
    folder: Path = tmp_path_factory.mktemp("extensions")
    write_stand_ins(folder, {"pgcrypto", "uuid-ossp"})
    opened, clusters = [], []
    try:
        with extensions_for(debian) as own:
            for number, extensions in enumerate((own, folder)):
                cluster = Cluster(
                    tmp_path_factory.mktemp(f"server{number}"), debian, extensions=extensions
                )
                clusters.append(cluster)
                cluster.create("postgres", Secret("p"))
                port = cluster.start().port
                one = psycopg.connect(f"postgresql://postgres:p@{HOST}:{port}/postgres")
                one.autocommit = True
                one.execute('create extension pgcrypto; create extension "uuid-ossp"')
                opened.append(one)
        yield opened
    finally:
        for one in opened:
            one.close()
        for cluster in clusters:
            cluster.destroy()


@pytest.mark.parametrize("query", QUERIES)
def test_answers_and_errors_are_the_same(both: list[psycopg.Connection], query: str) -> None:
    def _answer(connection: psycopg.Connection) -> object:
        try:
            return connection.execute(query.encode()).fetchall()
        except psycopg.Error as error:
            return error.sqlstate, error.diag.message_primary

    real, stand_in = map(_answer, both)
    assert stand_in == real
