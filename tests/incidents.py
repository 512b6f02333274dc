"""One database for many changes: each is rehearsed on a copy of it, and the target stays as it is.

`incidents.sql` is the first migration: customers, invoices, devices and what belongs to them. No
row of it is random. It is applied and backed up once for a whole module of tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

from shipway.edges.catalog import Catalog
from shipway.edges.clock import SystemClock
from shipway.edges.ledger import Ledger
from shipway.edges.squawk import find_squawk
from shipway.errors import Stopped
from shipway.migrations.files import read_folder
from shipway.migrations.plan import plan_migrations
from shipway.schema.expectations import Expectations
from shipway.schema.fingerprint import fingerprint
from shipway.steps.before import look_before
from shipway.steps.gates import pass_gates
from shipway.steps.rehearse import Beside, rehearse
from shipway.values import GateTerms, Phase, Severity, Unproven
from tests.backing_up import back_up, room
from tests.migrating import LIMITS, Heard, run, write

if TYPE_CHECKING:
    from shipway.values import Backup, Seal, Secret

BASE = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
PROMISED = Expectations(exposed_schemas=("public",), timeout_s=10.0)
_UNKNOWN = Unproven(missing="not known here", command="invoke release")


@dataclass
class Verdict:
    """What came of a rehearsal and the gates after it."""

    stopped: Stopped | None
    """None: the release may go on."""
    said: str
    """All lines on the screen, and the error's sentences."""
    warned: list[str]
    seal: Seal | None = None


@dataclass
class Target:
    """A target with its base released and backed up."""

    url: Secret
    folder: Path
    backup: Backup
    numbers: int = 0

    def state(self) -> tuple[object, ...]:
        """Return schema, rows, sequences and roles of the target, as the server tells them."""
        with psycopg.connect(self.url.reveal(), autocommit=True) as connection:
            catalog = Catalog(connection)
            tables = sorted(self.backup.manifest.row_counts)
            roles = connection.execute(
                "select r.rolname, r.rolsuper, r.rolbypassrls, r.rolinherit, m.roleid "
                "from pg_roles r left join pg_auth_members m on m.member = r.oid order by 1, 5"
            ).fetchall()
            sequences = connection.execute(
                "select schemaname, sequencename, last_value from pg_sequences order by 1, 2"
            ).fetchall()
            counted = catalog.count_rows(tables, timeout_s=10.0)
            return fingerprint(catalog.snapshot()), counted, sequences, roles

    def change(
        self,
        *statements: str,
        expectations: Expectations = PROMISED,
        phase: Phase = Phase.EXPAND,
        most_rows: int | None = None,
    ) -> Verdict:
        """Rehearse one file for each argument and pass the gates as a protected target does."""
        self.numbers += 1
        folder = self.folder / f"change-{self.numbers}"
        as_it_was = self.state()
        files = {f"{at:03}_change.sql": text for at, text in enumerate(statements, start=2)}
        write(folder, {"001_base.sql": BASE, **files})
        with Ledger(self.url, connect_timeout_s=5) as ledger:
            plan = plan_migrations(read_folder(folder), ledger.look(), phase=phase)
        where = room(
            self.folder,
            whole_up_to_bytes=1 << 30 if most_rows is None else 1,
            most_rows=most_rows or 100,
        )
        heard, stopped, seal = Heard(), None, None
        with psycopg.connect(self.url.reveal(), autocommit=True) as connection:
            before = look_before(Catalog(connection), expectations)
        try:
            seal = rehearse(
                plan,
                self.backup,
                room=where,
                expectations=expectations,
                beside=Beside(
                    before=before,
                    serving=_UNKNOWN,
                    linter=find_squawk(),
                    traffic=lambda: _UNKNOWN,
                    means=None,
                ),
                limits=LIMITS,
                clock=SystemClock(),
                say=heard,
            )
            terms = GateTerms(waivers=(), backup_max_age_s=3600.0, stops_at=Severity.SERIOUS)
            pass_gates(
                plan, self.backup, seal, terms=terms, again=(), clock=SystemClock(), say=heard
            )
        except Stopped as error:
            stopped = error
        assert self.state() == as_it_was
        lines = [*heard.notes, *heard.warnings]
        if stopped is not None:
            lines += [stopped.what, stopped.unchanged, stopped.next_step]
        return Verdict(stopped=stopped, said="\n".join(lines), warned=heard.warnings, seal=seal)


def target_at(url: Secret, folder: Path, *, by_hand: str = "select 1") -> Target:
    """Release the base to a database, back it up, and return it as a target."""
    run(url, write(folder / "base", {"001_base.sql": BASE}))
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        connection.execute(by_hand.encode())
    return Target(url=url, folder=folder, backup=back_up(url, folder))
