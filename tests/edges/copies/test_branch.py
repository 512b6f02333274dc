"""A branch costs money: whatever happens in a rehearsal on one, it is gone afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shipway.edges.copies.branch import BranchRoom
from shipway.edges.machine.clock import SystemClock
from shipway.edges.web.http import Api
from shipway.errors import Failed, MigrationFailed
from shipway.values.backup import Backup, Grade
from shipway.values.basics import Secret
from tests.fixtures.backing_up import back_up

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import DatabaseServer
    from tests.fixtures.supabase_fixtures import Platform


class Branching:
    """A project with branches that lead to the run's own server."""

    def __init__(self, platform: Platform, folder: Path, backup: Backup) -> None:
        self.platform = platform
        self.folder = folder
        self.backup = backup
        self.api = Api(
            name="Supabase",
            base_url=platform.facts["supabase_api_url"],
            setting="SUPABASE_API_URL",
            token=Secret(platform.facts["supabase_access_token"]),
            clock=SystemClock(),
            timeout_s=2.0,
        )
        platform.opened.callback(self.api.close)

    def room(self, up_within_s: float = 20.0) -> BranchRoom:
        return BranchRoom(
            self.api,
            project_ref=self.platform.facts["project_ref"],
            folder=self.folder,
            clock=SystemClock(),
            up_within_s=up_within_s,
            poll_s=0.02,
        )

    def names(self) -> list[str]:
        listed = self.api.get(f"/v1/projects/{self.platform.facts['project_ref']}/branches")
        return [one["name"] for one in listed.json]


@pytest.fixture
def branching(
    platform: Platform, server: DatabaseServer, database_url: Secret, tmp_path: Path
) -> Branching:
    database = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": "postgres",
        "password": server.password.reveal(),
    }
    platform.control.settings(branch_s=0.05, branch_database=database)
    return Branching(platform, tmp_path / "branches", back_up(database_url, tmp_path))


def test_a_branch_comes_up_is_used_and_is_gone_when_the_block_ends(branching: Branching) -> None:
    with branching.room().copy_of(branching.backup) as copy, copy.open_database() as database:
        (name,) = branching.names()
        assert copy.restored.branch == name
        assert "this backup restores" in copy.restored.partly
        assert database.exchange(b"select 1").rows == (("1",),)
        assert copy.contents() is not None
        assert copy.catalog.snapshot().server_version > 0
        assert [note.stem for note in branching.folder.iterdir()] == [name]

    assert branching.names() == []
    assert list(branching.folder.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        KeyboardInterrupt(),
        RuntimeError("a bug"),
        MigrationFailed("It failed.", unchanged="Nothing.", next_step="Mend it."),
    ],
)
def test_a_branch_is_gone_however_the_rehearsal_ends(
    branching: Branching, error: BaseException
) -> None:
    with pytest.raises(type(error)), branching.room().copy_of(branching.backup):
        raise error

    assert branching.names() == []


def test_a_branch_whose_creation_was_never_answered_is_gone_too(branching: Branching) -> None:
    branching.platform.control.fault("reset_after", method="POST", path="/branches$")

    with pytest.raises(Failed, match="gave no answer"), branching.room().copy_of(branching.backup):
        pass

    assert branching.platform.calls("POST", "/branches") >= 1
    assert branching.names() == []


def test_a_branch_that_does_not_come_up_is_deleted(branching: Branching) -> None:
    branching.platform.control.settings(branch_s=600.0)

    with (
        pytest.raises(Failed, match="did not come up: it is COMING_UP"),
        branching.room(up_within_s=0.1).copy_of(branching.backup),
    ):
        pass

    assert branching.names() == []


def test_a_branch_that_cannot_be_deleted_is_told_and_tried_again(branching: Branching) -> None:
    refused = branching.platform.control
    refused.fault("status", method="DELETE", path="/branches/", times=None, status=403)
    failure = MigrationFailed("It failed.", unchanged="Nothing.", next_step="Mend it.")

    with pytest.raises(MigrationFailed) as stopped, branching.room().copy_of(branching.backup):
        raise failure

    assert "costs money" in stopped.value.also[0]
    (left,) = branching.names()
    assert left in stopped.value.also[0]
    with pytest.raises(Failed, match="costs money"), branching.room().copy_of(branching.backup):
        pass
    refused.clear()
    # As of processes that were killed: their numbers belong to nobody.
    for number, note in enumerate(sorted(branching.folder.iterdir())):
        renamed = note.name.split("-")
        assert renamed[2].isdigit()
        note.rename(note.with_name(note.name.replace(renamed[2], f"99999999{number}")))
    with pytest.raises(RuntimeError), branching.room().copy_of(branching.backup):
        raise RuntimeError

    assert [note for note in branching.folder.iterdir() if "99999999" in note.name] == []


def test_a_plan_without_branches_is_told_with_what_helps(branching: Branching) -> None:
    branching.platform.control.fault(
        "status", method="POST", path="/branches$", status=402, body={"message": "Upgrade to Pro"}
    )

    with pytest.raises(Failed) as stopped, branching.room().copy_of(branching.backup):
        pass

    assert "Upgrade to Pro" in stopped.value.what
    assert "rehearse_large_on" in stopped.value.next_step
    assert branching.backup.grade is Grade.LISTS
