"""Records that earlier versions wrote, as they lay on the disk: all of them are read.

Below `records/` lie folders named by the day and the commit, each with what a release of a small
shop to the sandbox left behind, made by that commit's own code and signed with KEY. Archives and
pages are left out, and a journal of the time before a release could be resumed.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from shipway.edges.machine.log_memory import LogMemory
from shipway.edges.machine.memory import VerifyMemory
from shipway.formats.signed_file import read_paper
from shipway.report.files import write_page
from shipway.report.hide import Hide
from shipway.steps.backup.retention import Retention, plan_prune
from shipway.steps.backup.store import RESULT, SEAL, list_backups
from shipway.steps.journal.entries import Standing, past_of
from shipway.steps.journal.journal import FileCopy
from shipway.steps.release.record import ReleaseEnd, list_records
from shipway.values.backup import Backup, Grade
from shipway.values.basics import Secret
from shipway.values.checks import Verified
from shipway.values.gates import Gated
from shipway.values.hosting import Deployed
from shipway.values.inspection import Snapshot
from shipway.values.logs import Watched
from shipway.values.migrations import Migrated
from shipway.values.rehearsal import Seal

KEY = Secret("the-key-of-the-samples")
RECORDS = Path(__file__).parent / "records"
PROVEN = {
    "backup": Backup,
    "rehearse": Seal,
    "gates": Gated,
    "migrate": Migrated,
    "verify": Verified,
    "deploy": Deployed,
    "logs": Watched,
}
VERSIONS = sorted(one.name for one in RECORDS.iterdir())
JOURNALS = sorted(RECORDS.glob("*/releases/*/journal.jsonl"))


@pytest.fixture(params=VERSIONS)
def left(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """What one version left behind; its archives are of the right size and hold nothing."""
    folder = tmp_path / "left"
    shutil.copytree(RECORDS / request.param, folder)
    for manifest in folder.glob("backups/*/manifest.json"):
        body = json.loads(manifest.read_text())["body"]
        with (manifest.parent / body["archive"]).open("wb") as archive:
            archive.truncate(body["archive_bytes"])
    return folder


def test_its_backup_counts_with_its_grade_its_seal_and_its_mark(left: Path) -> None:
    shelf = list_backups(left / "backups", key=KEY)

    (backup,) = shelf.backups
    assert backup.grade is Grade.REHEARSED
    assert backup.manifest.row_counts["auth.users"] == 0
    seal = read_paper(backup.directory / SEAL, "seal", Seal, key=KEY)
    assert [one.label for one in seal.migrations] == ["001_people", "002_names"]
    result = read_paper(backup.directory / RESULT, "schema", Snapshot, key=KEY)
    assert "people_name" in {one.name for one in result.things}
    rules = Retention(last=0, daily=0, weekly=0, monthly=0)
    plan = plan_prune(shelf, rules, target="sandbox", now=backup.manifest.taken_at)
    assert [why for _, why in plan.kept] == ["marked: asked for"]


def test_its_record_is_shown(left: Path) -> None:
    records = list_records(left / "releases")

    assert records.unreadable == ()
    (record,) = records.records
    assert record.end is ReleaseEnd.GOOD
    proofs = {step.name: type(step.proof) for step in record.steps}
    assert proofs.get("gates", Gated) is Gated  # the first versions had none
    assert (proofs["rehearse"], proofs["verify"], proofs["logs"]) == (Seal, Verified, Watched)
    page = write_page(record, hide=Hide(())).read_text(encoding="utf-8")
    assert "002_names" in page


@pytest.mark.parametrize("journal", JOURNALS, ids=lambda path: path.parents[2].name)
def test_its_release_can_be_resumed(journal: Path) -> None:
    past = past_of(journal.parent.name, FileCopy(journal).lines())

    assert past.standing is Standing.OVER
    assert [one.label for one in past.begun.pending] == ["001_people", "002_names"]
    for step, shape in PROVEN.items():
        assert isinstance(past.proof(step, shape), shape)


def test_what_it_remembers_of_its_target_is_known(left: Path) -> None:
    remembered = VerifyMemory(left / "verified" / "sandbox.json").recall()
    assert remembered is not None
    assert {one.name for one in remembered.access} == {"public.people"}
    assert LogMemory(left / "logs" / "sandbox.json").read().requests > 0
