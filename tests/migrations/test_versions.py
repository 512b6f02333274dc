"""The oldest and the newest PostgreSQL that is embedded carry the same histories."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from shipway.edges.servers.cluster import HOST, Cluster, installs
from shipway.sandbox.database.dress import SUPERUSER, dress
from shipway.values.basics import Secret
from tests.fixtures.migrating import LIMITS, SAMPLE, ask, run, write

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.edges.servers.cluster import Install

pytestmark = pytest.mark.long

PASSWORD = Secret("ofonetest")
FILE = (
    "CREATE TABLE public.t{0} (id bigint PRIMARY KEY, name text NOT NULL);\n"
    "CREATE INDEX t{0}_name ON public.t{0} (name);\n"
    "CREATE FUNCTION public.f{0}() RETURNS int LANGUAGE sql AS $$ SELECT {0}; $$;\n"
)


@pytest.mark.parametrize(
    "install", [installs()[0], installs()[-1]], ids=lambda install: install.version
)
def test_the_sample_and_a_thousand_files_run(
    install: Install, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cluster = Cluster(tmp_path_factory.mktemp("version"), install)
    try:
        cluster.create(SUPERUSER, PASSWORD)
        port = cluster.start().port
        admin = f"postgresql://{SUPERUSER}:ofonetest@{HOST}:{port}/postgres"
        dress(Secret(admin), password=PASSWORD)
        url = Secret(f"postgresql://postgres:ofonetest@{HOST}:{port}/postgres")
        write(tmp_path, {f"{100 + n:04}_t.sql": FILE.format(n) for n in range(1, 1001)})
        assert run(url, SAMPLE).ledger_count == 7
        for file in SAMPLE.glob("*.sql"):
            (tmp_path / file.name).write_bytes(file.read_bytes())
        migrated = run(url, tmp_path, limits=replace(LIMITS, lock_timeout_s=20))
        assert migrated.ledger_count == 1007
        assert ask(url, "SELECT public.f1000()") == [(1000,)]
    finally:
        cluster.destroy()
