"""Lets the connections to a copy begin as they do on the target, and tells where they do not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from shipway.edges.catalog.session_defaults import (
    give_session_defaults,
    missing_locales,
    unlike_session,
)
from shipway.edges.postgres import connection as postgres

if TYPE_CHECKING:
    from shipway.edges.copies.restored_copy import CopyDatabase
    from shipway.values.backup import Manifest
    from shipway.values.rehearsal import Restored

__all__ = ["begin_as_target"]

_CONNECT_S: Final = 10.0


def begin_as_target(restored: Restored, manifest: Manifest, database: CopyDatabase) -> Restored:
    """Give a restored copy what the target's connections begin with; return what is told of it.

    It is given after the restore, whose own sessions it must not touch.

    Args:
        restored: how the copy was restored.
        manifest: of its backup.
        database: the copy's.
    """
    restored = replace(restored, left_out=(*database.lacks, *restored.left_out))
    defaults = manifest.session
    if defaults is None:
        return replace(restored, unlike=("the backup does not tell how they begin",))
    # A grant on a parameter is one to the role, wherever it connects.
    given = defaults if database.role_is_ours else replace(defaults, may_set=())
    with (
        postgres.connect(database.admin, purpose="rehearsal", timeout_s=_CONNECT_S) as connection,
        postgres.connect(database.owner, purpose="rehearsal", timeout_s=_CONNECT_S) as begins,
    ):
        # Settings go by the role that connects: on a server of one's own it may be another one.
        give_session_defaults(connection, given, begins.info.user, begins=begins)
    with postgres.connect(database.owner, purpose="rehearsal", timeout_s=_CONNECT_S) as begins:
        unlike = unlike_session(begins, defaults, manifest.role)
        locales = missing_locales(begins, defaults)
    values = tuple(f"value of {name}" for name in defaults.own)
    return replace(restored, unlike=unlike, left_out=(*restored.left_out, *locales, *values))
