"""What a history of migrations makes of an empty database, found out by running it on one."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from contextlib import ExitStack, contextmanager, suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import sql

from shipway import __version__
from shipway.cleanup import afterwards
from shipway.edges.catalog.snapshot import Catalog
from shipway.edges.extensions.folder import extensions_for
from shipway.edges.extensions.library import scripts, stand_ins
from shipway.edges.ledger.ledger import Ledger
from shipway.edges.postgres.catalog_sql import snapshot_queries
from shipway.edges.servers.cluster import HOST, Cluster, install_for
from shipway.sandbox.database.dress import APP_ROLE, SUPERUSER, dress, dress_script
from shipway.sandbox.database.extensions import PREINSTALLED, preinstall
from shipway.sandbox.database.session import begin_as
from shipway.schema.default_privileges import alterations
from shipway.steps.migrate.migrate import migrate
from shipway.steps.migrate.powers import MigratePowers
from shipway.values.backup import SessionDefaults
from shipway.values.basics import Plainly, Secret, Unproven
from shipway.values.exchange import MigrationLimits
from shipway.values.inspection import Snapshot, Thing
from shipway.values.migrations import MigrationPlan

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from shipway.edges.servers.cluster import Install
    from shipway.schema.default_privileges import Defaults
    from shipway.values.basics import Clock
    from shipway.values.inspection import DefaultPrivilege
    from shipway.values.migrations import AppliedMigration, Migration

__all__ = ["Blueprint"]

_DATABASE: Final = "postgres"
_CONNECT_S: Final = 30.0
# Nobody else is on this server, so nothing waits; a statement that hangs is cut off.
_LIMITS: Final = MigrationLimits(
    lock_timeout_s=60,
    statement_timeout_s=300,
    run_lock_wait_s=5,
    lock_retry_s=0,
    lock_backoff_s=1,
)
_ON_NOTHING: Final = Unproven(missing="a backup", command="invoke backup")
_VERSIONS_PER_MAJOR: Final = 10_000
_BUILT_IN: Final = SessionDefaults()


class Blueprint:
    """Builds a schema from its migrations on an embedded server that lives for one call.

    What came of it is kept: the same files make the same schema again.

    Args:
        directory: where the server's files lie meanwhile, and the schemas are kept.
        clock: for the migrations.
    """

    def __init__(self, directory: Path, *, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def build(
        self,
        migrations: Sequence[Migration],
        *,
        server_version: int,
        defaults: Defaults,
        session: SessionDefaults = _BUILT_IN,
        extensions: Collection[str] = (),
    ) -> Snapshot:
        """Return the schema that the migrations make of a new Supabase project.

        Args:
            migrations: in the order in which they were applied.
            server_version: of the server that the result is compared with: 170011 is 17.11.
            defaults: the default privileges that some versions met on the target: a file grants
                nothing of what its objects got by them.
            session: what the target's connections begin with.
            extensions: the names of that server's.

        Raises:
            Stopped: a migration failed there, or the embedded server cannot be had.
        """
        install = install_for(
            server_version // _VERSIONS_PER_MAJOR, extensions, stand_ins=stand_ins()
        )
        kept = self._directory / f"{_digest(install, migrations, defaults, session)}.json"
        if (known := _recall(kept)) is not None:
            return known
        built = self._built(install, migrations, defaults, session)
        _keep(kept, built)
        return built

    def _built(
        self,
        install: Install,
        migrations: Sequence[Migration],
        defaults: Defaults,
        session: SessionDefaults,
    ) -> Snapshot:
        applied: tuple[AppliedMigration, ...] = ()
        with _empty_supabase(self._directory, install) as (admin, url):
            begin_as(session, migrations, admin=admin, owner=url)
            for before, files in _runs(migrations, defaults):
                with Ledger(url, connect_timeout_s=_CONNECT_S) as database:
                    if before is not None:
                        _alter_defaults(admin, database.look().default_privileges, before)
                    done = migrate(
                        MigrationPlan(applied=applied, pending=files),
                        _ON_NOTHING,
                        MigratePowers(
                            database=database, limits=_LIMITS, clock=self._clock, say=Plainly()
                        ),
                    )
                applied += done.applied_now
            with psycopg.connect(url.reveal(), autocommit=True) as connection:
                built = Catalog(connection).snapshot()
        # Those that every project has are the platform's, and no promise of the migrations.
        things = (
            thing
            for thing in built.things
            if thing.kind != "extension" or thing.name not in PREINSTALLED
        )
        return Snapshot(server_version=built.server_version, things=tuple(things))


def _runs(
    migrations: Sequence[Migration], defaults: Defaults
) -> Iterator[tuple[tuple[DefaultPrivilege, ...] | None, tuple[Migration, ...]]]:
    """Yield the files that follow each other, with the default privileges that they want first."""
    begins = [index for index, file in enumerate(migrations) if file.version in defaults]
    for first, after in pairwise(sorted({0, *begins, len(migrations)})):
        files = tuple(migrations[first:after])
        yield defaults.get(files[0].version), files


def _alter_defaults(
    admin: Secret, now: Sequence[DefaultPrivilege], wanted: Sequence[DefaultPrivilege]
) -> None:
    """Make the default privileges what they were; a schema made by hand has none to make."""
    with psycopg.connect(admin.reveal(), autocommit=True) as connection:
        roles = {name for (name,) in connection.execute("select rolname from pg_roles")}
        schemas = {name for (name,) in connection.execute("select nspname from pg_namespace")}
        wanted = [one for one in wanted if one.schema in {"", *schemas}]
        named = {one.grantee for one in wanted} | {one.maker for one in wanted}
        # They are named, so the target had them by then, though no file may have made them.
        for role in sorted(named - {"", "public", *roles}):
            connection.execute(sql.SQL("create role {}").format(sql.Identifier(role)))
        for statement in alterations(now, wanted, maker=APP_ROLE):
            with suppress(psycopg.errors.SyntaxError):  # large objects, before Postgres 18
                connection.execute(statement.encode())


def _digest(
    install: Install,
    migrations: Sequence[Migration],
    defaults: Defaults,
    session: SessionDefaults,
) -> str:
    """Return a name for all that the outcome depends on, this program's own part included."""
    digest = hashlib.sha256(f"{__version__} {install.label}".encode())
    met = json.dumps({str(version): granted for version, granted in defaults.items()})
    begun = json.dumps([dict(session.settings), dict(session.own), session.may_set, session.path])
    parts = [dress_script(), *snapshot_queries(), met.encode(), begun.encode()]
    parts += [one.encode() for one in scripts().values()]
    for part in (*parts, *(migration.sha256.encode() for migration in migrations)):
        digest.update(b"%d:%b" % (len(part), part))
    return digest.hexdigest()


def _recall(path: Path) -> Snapshot | None:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        things = tuple(
            Thing(kind, parent, name, tuple((fact, value) for fact, value in facts))
            for kind, parent, name, facts in told["things"]
        )
        return Snapshot(server_version=told["server_version"], things=things)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _keep(path: Path, snapshot: Snapshot) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    told = {"server_version": snapshot.server_version, "things": snapshot.things}
    draft.write_text(json.dumps(told), encoding="utf-8")
    draft.replace(path)


@contextmanager
def _empty_supabase(directory: Path, install: Install) -> Iterator[tuple[Secret, Secret]]:
    """Run a server with one database like a new Supabase project, and delete it at the end.

    Yields:
        the database's URL, as the superuser and as the project owner.
    """
    name = f"{os.getpid()}-{secrets.token_hex(4)}"
    password = Secret(secrets.token_urlsafe(24))
    with ExitStack() as opened:
        extensions = opened.enter_context(extensions_for(install))
        cluster = Cluster(directory / name, install, extensions=extensions)
        opened.enter_context(afterwards(cluster.destroy))
        cluster.create(SUPERUSER, password)
        port = cluster.start().port
        place = f"{password.reveal()}@{HOST}:{port}/{_DATABASE}"
        admin = Secret(f"postgresql://{SUPERUSER}:{place}")
        dress(admin, password=password)
        preinstall(admin)
        yield admin, Secret(f"postgresql://{APP_ROLE}:{place}")
