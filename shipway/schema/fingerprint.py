"""A schema as one digest, to see at a glance whether two are the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shipway.inspection import Snapshot

__all__ = ["fingerprint"]


def fingerprint(snapshot: Snapshot) -> str:
    """Return the SHA-256 of all that a schema holds, as 64 hex digits.

    Two schemas have one fingerprint when every part of one stands in the other with the same
    facts. Comments, the order of columns, the rows and the server's version do not count.
    """
    digest = hashlib.sha256()
    for thing in snapshot.things:
        # A length before each text, so that no two schemas run together into one.
        for text in (thing.kind, thing.parent, thing.name, *sum(thing.facts, ())):
            data = text.encode()
            digest.update(b"%d:%b" % (len(data), data))
        digest.update(b";")
    return digest.hexdigest()
