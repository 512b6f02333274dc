"""A schema as one digest, to see at a glance whether two are the same."""

from __future__ import annotations

import hashlib
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shipway.values.inspection import Snapshot

__all__ = ["fingerprint"]


def fingerprint(snapshot: Snapshot) -> str:
    """Return the SHA-256 of all that a schema holds, as 64 hex digits.

    Two schemas have one fingerprint when every part of one stands in the other with the same
    facts. Comments, the order of columns, the rows and the server's version do not count.
    """
    digest = hashlib.sha256()
    for kind, parent, name, facts in snapshot.things:
        # Postgres has no NUL in a text, and the number of facts says where a thing ends: so no
        # two schemas run together into one.
        texts = [kind, parent, name, str(len(facts)), *chain.from_iterable(facts)]
        digest.update("\0".join(texts).encode())
        digest.update(b"\0")
    return digest.hexdigest()
