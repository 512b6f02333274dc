"""URLs beside one that was given: of another database of its server, as another role."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from psycopg.conninfo import conninfo_to_dict

from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_login", "as_member", "at_database"]


def at_database(url: Secret, name: str) -> Secret:
    """Return the URL of another database of the same server."""
    return _change(url, {"dbname": name})


def as_login(url: Secret, role: str, password: Secret) -> Secret:
    """Return the URL of the same database for a role that logs in itself."""
    return _change(url, {"user": role, "password": password.reveal()})


def as_member(url: Secret, role: str) -> Secret:
    """Return the URL of the same database for sessions that begin as a role of the URL's own.

    RESET ROLE and DISCARD ALL lead back to that role, for it is what the session began with.
    """
    named = role.replace("\\", "\\\\").replace(" ", "\\ ")
    given = conninfo_to_dict(url.reveal()).get("options") or ""
    return _change(url, {"options": f"{given} -c role={named}".strip()})


def _change(url: Secret, changes: Mapping[str, str]) -> Secret:
    # Each part by its name: a URL may say any of them in several places.
    given = {**conninfo_to_dict(url.reveal()), **changes}
    parts = (f"{name}={quote(str(value), safe='')}" for name, value in given.items() if value)
    return Secret(f"postgresql://?{'&'.join(parts)}")
