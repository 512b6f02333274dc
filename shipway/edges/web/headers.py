"""What may stand in the header of a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shipway.errors import Misconfigured

if TYPE_CHECKING:
    from shipway.values.basics import Secret

__all__ = ["refuse_unsendable"]

_SENDABLE = re.compile(r"[!-~]+")
"""Printable ASCII without spaces: all that a bearer token may hold (RFC 6750, section 2.1)."""


def refuse_unsendable(secret: Secret, what: str) -> None:
    """Return when a secret can stand in a header.

    Raises:
        Misconfigured: it is empty, or holds characters that no token has.
    """
    if not _SENDABLE.fullmatch(secret.reveal()):
        raise Misconfigured(
            f"{what} is empty or holds characters that no token has.",
            unchanged="Nothing was contacted and nothing was changed.",
            next_step="Copy it again, without quotes, spaces or line ends.",
        )
