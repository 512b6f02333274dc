"""The preconditions of a release, as `invoke doctor` lists them and preflight demands them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from shipway.commands.release.checklist import checklist
from shipway.commands.release.down_scripts import misread_as_migrations
from shipway.edges.postgres import connection as postgres
from shipway.edges.team.git import tracked_files
from shipway.errors import Misconfigured, Refused
from shipway.formats.figures import count, size
from shipway.migrations.creation import refuse_untouched
from shipway.settings import where_to_get
from shipway.steps.backup.store import list_backups
from shipway.steps.deploy.plan import in_the_way
from shipway.steps.deploy.sources import Way
from shipway.steps.gates.preflight import Found, Precondition, same_project
from shipway.values.gates import GateState
from shipway.wiring.vault import bucket_of, upload_limit

if TYPE_CHECKING:
    import psycopg  # noqa: TID251 - the type alone
    from psycopg.rows import TupleRow  # noqa: TID251 - the type alone

    from shipway.wiring import Wiring

__all__ = ["preconditions"]

_FOR_OTHERS = 0o077
_NEARLY_FULL = 0.8


def preconditions(wiring: Wiring, *, copies: int = 2) -> list[Precondition]:
    """Return the list, in the order in which a person would look.

    Args:
        wiring: of the target.
        copies: how often the database is written here: as a backup, and for a rehearsal.
    """
    look = _Look(wiring)
    rehearsal = [Precondition(name="rehearsal", look=look.rehearsal, needs=("database",))]
    if copies == 1:
        rehearsal = []  # Nothing is rehearsed: where that could be, is of no matter.
    return [
        Precondition(name="state folder", look=look.state_folder),
        Precondition(name="env files", look=look.env_files),
        Precondition(name="migrations", look=look.migrations),
        Precondition(name="checks", look=look.checks),
        Precondition(name="app", look=look.app),
        Precondition(name="database", look=look.database),
        Precondition(name="project", look=look.project, needs=("database",)),
        Precondition(name="history", look=look.history, needs=("migrations", "project")),
        Precondition(name="pg_dump", look=look.pg_dump, needs=("database",)),
        *rehearsal,
        Precondition(name="supabase", look=look.supabase),
        Precondition(name="storage", look=look.storage),
        Precondition(name="vercel", look=look.vercel),
        *checklist(wiring, copies=1 if wiring.settings.rehearse_on is not None else copies),
    ]


class _Look:
    """One method for each precondition: returns what was found or raises what is wrong."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._settings = wiring.settings

    def state_folder(self) -> Found:
        folder = self._settings.under_root(self._settings.state_dir)
        there = next(path for path in (folder, *folder.parents) if path.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            raise Refused(
                f"{folder} cannot be written to: backups and records are kept there.",
                unchanged="Nothing was changed.",
                next_step=f"Make {there} writable, or set state_dir to another folder.",
            )
        return Found(detail=str(folder))

    def env_files(self) -> Found:
        names = {source for source in self._settings.sources.values() if source.startswith(".env")}
        if not names:
            return Found(detail="all settings come from the environment")
        if committed := tracked_files(self._settings.root, sorted(names)):
            files = " ".join(committed)
            return Found(
                detail=f"git keeps {files}: whoever has the repository has what is in it",
                state=GateState.WARNED,
                cure=f"git rm --cached {files}; name it in .gitignore, and change its secrets.",
            )
        open_ones = [
            name
            for name in sorted(names)
            if (self._settings.root / name).stat().st_mode & _FOR_OTHERS
        ]
        if open_ones:
            return Found(
                detail=f"others on this machine can read {', '.join(open_ones)}",
                state=GateState.WARNED,
                cure=f"chmod 600 {' '.join(open_ones)}",
            )
        return Found(detail=f"{', '.join(sorted(names))}, readable by you alone")

    def migrations(self) -> Found:
        files = self._wiring.database.files()
        detail = f"{count(len(files), 'file')}, up to {files[-1].label}"
        wrong, cure = misread_as_migrations(files, root=self._settings.root)
        if wrong:
            return Found(detail=f"{detail}; {wrong}", state=GateState.WARNED, cure=cure)
        return Found(detail=detail)

    def checks(self) -> Found:
        promised = self._wiring.database.expectations()
        pages = self._wiring.hosting.pages()
        detail = ", ".join(
            (
                count(len(promised.tables), "declared table"),
                count(len(promised.queries), "critical query", "critical queries"),
                count(len(pages), "page"),
            )
        )
        if not promised.queries and not promised.tables:
            return Found(
                detail=detail,
                state=GateState.WARNED,
                cure=f"Say in {self._settings.checks_dir}/ what must hold after each release.",
            )
        return Found(detail=detail)

    def app(self) -> Found:
        way, why = self._wiring.hosting.sources.way
        if way is not Way.REST:
            return Found(detail=f"{self._settings.app_dir}/, deployed by {way}: {why}")
        files = self._wiring.hosting.sources.files()
        total = size(sum(one.size_bytes for one in files))
        detail = f"{count(len(files), 'file')}, {total}, of {self._settings.app_dir}/"
        return Found(detail=f"{detail}, deployed by REST: {why}")

    def database(self) -> Found:
        self._wiring.database.demand(writes=True)
        with self._connection() as connection:
            row = connection.execute("select current_user, current_setting('server_version')")
            role, version = row.fetchone() or ("", "")
        return Found(detail=f"PostgreSQL {version} at {self._wiring.database.place}, as {role}")

    def project(self) -> Found:
        url = self._settings.database_url
        return same_project(
            configured=self._settings.project_ref,
            in_url=postgres.project_ref_of(url) if url else None,
            recorded=self._wiring.database.ledger_state().project_ref,
        )

    def history(self) -> Found:
        plan = self._wiring.database.plan()
        refuse_untouched(plan.pending)
        detail = f"{len(plan.applied)} applied, {len(plan.pending)} pending"
        if plan.warnings:
            return Found(detail=detail, state=GateState.WARNED, cure="\n".join(plan.warnings))
        return Found(detail=detail)

    def pg_dump(self) -> Found:
        tool = self._wiring.backups.dumper.tried()
        return Found(detail=f"{tool.label} at {tool.path}")

    def rehearsal(self) -> Found:
        major, extensions = self._wiring.database.server_major_and_extensions
        try:
            ours = self._wiring.backups.room.server(major, extensions)
        except Misconfigured as error:
            if self._settings.rehearse_on is not None:
                raise
            # A warning: a release may say that it goes without.
            return Found(
                detail=f"not possible: {error.what}",
                state=GateState.WARNED,
                cure=f"{error.next_step}, or release with --without-rehearsal REASON",
            )
        detail = f"copies run on {ours}"
        if ours.major != major:
            return Found(
                detail=f"{detail}; the target runs {major}",
                state=GateState.WARNED,
                cure="What differs between the two a rehearsal cannot show.",
            )
        return Found(detail=detail)

    def supabase(self) -> Found:
        platform = self._wiring.platform
        if platform is None:
            return Found(
                detail="not asked: SUPABASE_ACCESS_TOKEN is not set",
                state=GateState.WARNED,
                cure="To see the platform's backups, health and advisors: "
                f"{where_to_get('SUPABASE_ACCESS_TOKEN')}.",
            )
        project = platform.project()
        if platform.readonly():
            raise Refused(
                f"The project {project.ref} is read-only: its disk is full or nearly so.",
                unchanged="Nothing was changed.",
                next_step="Make room or a larger disk in the dashboard: Settings > Compute.",
            )
        if project.status != "ACTIVE_HEALTHY":
            raise Refused(
                f"The project {project.ref} is {project.status}.",
                unchanged="Nothing was changed.",
                next_step="Wait until the dashboard shows it healthy; a paused one is restored.",
            )
        return Found(detail=f"project {project.ref} is {project.status}")

    def storage(self) -> Found:
        vault = self._wiring.backups.vault
        if vault is None:
            return Found(detail="backups stay on this machine: backup_bucket is not set")
        detail = f"backups are also kept in the bucket {bucket_of(self._settings)}"
        if not vault.dies_with_project:
            return Found(detail=detail)
        detail += ", which dies with the project"
        limit = upload_limit(self._wiring)
        if limit is None:
            return Found(detail=detail)
        detail += f"; it takes files up to {size(limit)}"
        newest = self._newest_archive_bytes()
        if newest > _NEARLY_FULL * limit:
            return Found(
                detail=f"{detail}, and the last backup had {size(newest)}",
                state=GateState.WARNED,
                cure="Raise the upload limit (Storage settings; 50 MB at most on the Free plan), "
                "or keep copies at an S3 endpoint elsewhere: backup_s3_bucket.",
            )
        return Found(detail=detail)

    def _newest_archive_bytes(self) -> int:
        """Return the size of this target's last backup; 0 when there is none."""
        target, key = self._settings.target, self._settings.backup_signing_key
        for one in list_backups(self._wiring.backups.folder, key=key).backups:
            if one.manifest.target == target:
                return one.manifest.archive_bytes
        return 0

    def vercel(self) -> Found:
        hosting = self._wiring.hosting.vercel.hosting()
        detail = f"{hosting.name}, production is {hosting.production_id or 'empty'}"
        found = in_the_way(hosting)
        if found:
            return Found(
                detail="; ".join((detail, *(what for what, _ in found))),
                state=GateState.WARNED,
                cure=" ".join(cure for _, cure in found),
            )
        return Found(detail=detail)

    def _connection(self) -> psycopg.Connection[TupleRow]:
        return postgres.connect(
            self._wiring.database.url,
            purpose="preflight",
            timeout_s=self._settings.connect_timeout_s,
        )
