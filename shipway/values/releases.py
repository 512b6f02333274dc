"""Releases as they are kept: how one began, how far it came, what an audit found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.exchange import Holder
    from shipway.values.gates import Waiver


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedFile:
    """A migration that a release set out to apply."""

    label: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """One file of the checks, as it was."""

    name: str
    """Below the folder of the checks, with slashes."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptChecks:
    """What the code of a release needs of the database, as its journal keeps it."""

    files: tuple[KeptFile, ...]
    migrations: tuple[str, ...]
    """Labels of the migrations that it knew, applied or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What a release set out to do: the first line of its journal."""

    kind: str
    """release, or finish for the contract phase alone."""
    target: str
    pending: tuple[PlannedFile, ...]
    previous_id: str | None
    """The deployment that served production."""
    app: str
    """What the app is made from: a commit, or a digest over its files' names and contents."""
    host: str
    without_rehearsal: str
    waivers: tuple[Waiver, ...]
    """Gates that a person took upon themselves; they hold when the release goes on, too."""
    format: int = 1
    """Of the journal: which versions of shipway can go on with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """What an audit found of one journal."""

    release_id: str
    lines: int
    head: str
    """Digest of the last line; it stands for all of them. Empty when they are not intact."""
    places: tuple[str, ...]
    """Where the lines are kept."""
    faults: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What is odd and yet no sign of a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseState:
    """How far a release came, and what is true now, as the world says."""

    release_id: str
    kind: str
    target: str
    standing: str
    """open, failed or over."""
    end: str
    """As its record says; empty when it has none."""
    began_at: str
    last_at: str
    last_step: str
    last_effect: str
    """What was about to be done when it was cut off."""
    host: str
    """The machine that began it."""
    applied: tuple[str, ...]
    """Of its migrations, those that the ledger holds."""
    pending: tuple[str, ...]
    """Of its migrations, those that it does not hold."""
    deployment: str
    """What Vercel has of this release; empty when it was not asked."""
    production: str
    """What serves production; empty when Vercel was not asked."""
    backup: str
    holder: Holder | None = None
    """Who holds the target's lock now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLine:
    """One release in the list of all."""

    release_id: str
    kind: str
    began_at: str
    standing: str
    end: str
    last_step: str
    host: str
    lines: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Releases:
    """The releases of a target, newest first."""

    target: str
    releases: tuple[ReleaseLine, ...]
    unreadable: tuple[str, ...]
    """Journals that cannot be trusted, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actions:
    """What GitHub Actions' runner told in the environment, when a release runs there."""

    workspace: Path | None
    """The repository's root: annotations name files from there."""
    summary: Path | None
    """The file whose Markdown is shown on the run's page."""
