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
    from shipway.values import Manifest, Restored, Secret

__all__ = ["begun_as_the_target"]

_CONNECT_S: Final = 10.0


def begun_as_the_target(
    restored: Restored, manifest: Manifest, *, admin: Secret, owner: Secret
) -> Restored:
    """Give a restored copy what the target's connections begin with; return what is told of it.

    It is given after the restore, whose own sessions it must not touch.

    Args:
        restored: how the copy was restored.
        manifest: of its backup.
        admin: the copy's URL, as a superuser.
        owner: the same, as the role that migrates.
    """
    defaults = manifest.session
    if defaults is None:
        return replace(restored, unlike=("the backup does not tell how they begin",))
    with (
        postgres.connect(admin, purpose="rehearsal", timeout_s=_CONNECT_S) as connection,
        postgres.connect(owner, purpose="rehearsal", timeout_s=_CONNECT_S) as begins,
    ):
        give_session_defaults(connection, defaults, manifest.role, begins=begins)
    with postgres.connect(owner, purpose="rehearsal", timeout_s=_CONNECT_S) as begins:
        unlike = unlike_session(begins, defaults)
        locales = missing_locales(begins, defaults)
    values = tuple(f"value of {name}" for name in defaults.own)
    return replace(restored, unlike=unlike, left_out=(*restored.left_out, *locales, *values))
