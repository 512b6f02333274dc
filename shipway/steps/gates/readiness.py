"""Judges whether the code and the database are ready for a release, from what was seen of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shipway.errors import Refused
from shipway.formats.figures import size
from shipway.steps.gates.preflight import Found
from shipway.values.gates import CheckState, GateState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shipway.values.gates import CommitCheck, Disk, Load, Tree

__all__ = ["calm", "connectable", "green", "judge_wraparound", "on_branch", "roomy"]

_NOTHING = "Nothing was changed."
_SHOWN = 5
_OURS = 8
"""Sessions that a release opens at its busiest: lock, migrations, their watcher, checks, dump."""
_FULL = 0.9
"""Supabase makes a project read-only near 95%; a migration needs room before that."""
_SPARE_BYTES = 100_000_000
_BILLION = 1e9


def on_branch(tree: Tree, branch: str) -> Found:
    """Judge the work tree: nothing uncommitted, and its commit pushed to the release branch.

    Raises:
        Refused: it is not so; with all that stands in the way.
    """
    wrong, cures = [], []
    if tree.changed:
        wrong.append(f"uncommitted: {_some(tree.changed)}")
        cures.append("Commit or stash what is not committed.")
    if tree.branch not in {branch, ""}:
        wrong.append(f"the branch {tree.branch} is checked out, not {branch}")
        # To switch to the branch itself could release another commit than the one that is here.
        cures.append(
            "git switch --detach"
            if tree.contained
            else f"Merge {tree.branch} into {branch}, push that, and release from there."
        )
    if not tree.tip:
        wrong.append(f"{tree.remote or 'the remote'} has no branch {branch}")
        cures.append(f"git push origin {branch}, or correct release_branch.")
    elif tree.shallow and not tree.contained:
        wrong.append(
            f"whether {_short(tree.commit)} is on {branch} of {tree.remote}, which is at "
            f"{_short(tree.tip)}, cannot be told in a shallow clone"
        )
        cures.append(
            f"git fetch --unshallow origin {branch} (in GitHub Actions: fetch-depth: 0 for "
            "actions/checkout)"
        )
    elif tree.contained is False:
        wrong.append(f"{_short(tree.commit)} is not on {branch} of {tree.remote}")
        if tree.branch in {branch, ""}:
            cures.append(f"git push origin HEAD:{branch}")
    elif tree.contained is None:
        wrong.append(f"{branch} of {tree.remote} is at {_short(tree.tip)}, which is not known here")
        cures.append(f"git fetch origin {branch}")
    if wrong:
        raise Refused("; ".join(wrong), unchanged=_NOTHING, next_step=" ".join(cures))
    detail = f"{_short(tree.commit)} is on {branch} of {tree.remote}, nothing uncommitted"
    if tree.commit != tree.tip:
        return Found(
            detail=f"{detail}; but {branch} is at {_short(tree.tip)} by now",
            state=GateState.WARNED,
            cure="Make sure that the older commit is the one that you mean.",
        )
    return Found(detail=detail)


def green(checks: Sequence[CommitCheck], wanted: Sequence[str], *, commit: str) -> Found:
    """Judge what CI says of the commit.

    Args:
        checks: all that were reported.
        wanted: names of those that must be green; empty means all.
        commit: whose they are.

    Raises:
        Refused: one failed, is not done yet or was not reported; or there is none at all.
    """
    named = {one.name: one for one in checks}
    missing = [name for name in wanted if name not in named]
    counted = [named[name] for name in wanted if name in named] if wanted else list(checks)
    bad = [one for one in counted if one.state is not CheckState.GREEN]
    where = f"for {_short(commit)}"
    told = [f"{one.name} is {one.word}" for one in bad]
    told += [f"{name} was not reported" for name in missing]
    if told:
        running = not missing and all(one.state is CheckState.RUNNING for one in bad)
        raise Refused(
            f"CI is not green {where}: {_some(told)}",
            unchanged=_NOTHING,
            next_step="Wait until it is done, then release again."
            if running
            else "Mend it and release the commit that is green.",
        )
    if not counted:
        raise Refused(
            f"No check was reported {where}.",
            unchanged=_NOTHING,
            next_step="Wait for CI to begin; where there is no CI, leave GITHUB_TOKEN out.",
        )
    return Found(detail=f"{len(counted)} of {len(counted)} green {where}")


def calm(load: Load, *, max_age_s: float) -> Found:
    """Judge whether a session holds locks that a migration would wait for.

    Raises:
        Refused: one has been at work for longer than `max_age_s`.
    """
    long = [one for one in load.busy if one.age_s > max_age_s or one.doing.startswith("VACUUM")]
    if long:
        raise Refused(
            "In the way: "
            + _some(
                [
                    f"{one.doing} of {one.role}"
                    + (f" ({one.application})" if one.application else "")
                    + (f", server process {one.pid}" if one.pid else "")
                    + f", for {one.age_s:.0f} s"
                    for one in long
                ]
            ),
            unchanged=_NOTHING,
            next_step="Wait until it has ended, or end it: select pg_terminate_backend(PID)",
        )
    detail = f"no transaction is older than {max_age_s:.0f} s, no vacuum holds a table"
    if load.hidden:
        return Found(
            detail=f"{detail}; {load.hidden} sessions of other roles could not be looked into",
            state=GateState.WARNED,
            cure="Let the role of DATABASE_URL see them: grant pg_read_all_stats to it.",
        )
    return Found(detail=detail)


def judge_wraparound(load: Load) -> Found:
    """Judge how far the database is from running out of transaction numbers.

    At the failsafe age vacuum drops all restraint, and DDL waits behind it.

    Raises:
        Refused: that age is reached.
    """
    ages = (
        ("transactions", load.xid_age, load.xid_limit),
        ("multixacts", load.multixact_age, load.multixact_limit),
    )
    told = ", ".join(
        f"{age / _BILLION:.2f} of {limit / _BILLION:.2f} billion {what}"
        for what, age, limit in ages
    )
    if any(age >= limit for _, age, limit in ages):
        raise Refused(
            f"The oldest unfrozen row is as old as {told}.",
            unchanged=_NOTHING,
            next_step="Let vacuum finish first (VACUUM FREEZE of the oldest tables); look for old "
            "transactions, prepared transactions and replication slots that hold it up.",
        )
    if any(age >= limit / 2 for _, age, limit in ages):
        return Found(
            detail=told,
            state=GateState.WARNED,
            cure="Vacuum does not keep up: look for what holds it up.",
        )
    return Found(detail=told)


def connectable(load: Load) -> Found:
    """Judge whether the release finds the connections that it needs.

    Raises:
        Refused: fewer are left.
    """
    left = load.connections_limit - load.connections
    detail = f"{load.connections} of {load.connections_limit} in use"
    if left < _OURS:
        raise Refused(
            f"Connections: {detail}; a release needs {_OURS}.",
            unchanged=_NOTHING,
            next_step="Close idle sessions, or raise the limit, then release again.",
        )
    return Found(detail=detail)


def roomy(here: Disk, there: Disk | None, *, database_bytes: int, copies: int) -> Found:
    """Judge whether the disks have room for what a release writes.

    Args:
        here: the disk of the state folder.
        there: the platform's; None when it does not tell.
        database_bytes: size of the target's database.
        copies: how often it is written here: as a backup, and restored for a rehearsal.

    Raises:
        Refused: one has not.
    """
    wanted = database_bytes * copies + _SPARE_BYTES
    if here.free_bytes < wanted:
        raise Refused(
            f"This machine has {size(here.free_bytes)} free where the backup and its copy "
            f"may take {size(wanted)}.",
            unchanged=_NOTHING,
            next_step="Make room (invoke backup.prune), or set state_dir to a larger disk.",
        )
    detail = f"{size(here.free_bytes)} free here, {size(wanted)} wanted"
    if there is None:
        return Found(detail=detail)
    used = 1 - there.free_bytes / there.size_bytes if there.size_bytes else 0.0
    if used > _FULL:
        raise Refused(
            f"The project's own disk is {used:.0%} full ({size(there.free_bytes)} free).",
            unchanged=_NOTHING,
            next_step="Enlarge it first (dashboard: Settings > Compute and Disk): a full disk "
            "makes the project read-only.",
        )
    return Found(detail=f"{detail}; the project's disk is {used:.0%} full")


def _some(texts: Sequence[str]) -> str:
    more = len(texts) - _SHOWN
    return ", ".join(texts[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _short(commit: str) -> str:
    return commit[:12]
