"""Whose a fault is: the product's, its stand-in's for the platform, or the history's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.histories.stages import Run

__all__ = ["HISTORY", "PRODUCT", "STAND_IN", "kind_of", "owner"]

PRODUCT, STAND_IN, HISTORY = "product", "stand-in", "history"

_PLATFORM = re.compile(
    r"extension \"|operator class|access method"
    r"|schema \"(?:auth|storage|realtime|vault|cron|net|pgmq|graphql|extensions|supabase_\w+)\""
    r"|\b(?:auth|storage|realtime|vault|cron|net|pgmq|pgtle|graphql|extensions|supabase_functions)\.\w"
    r"|permission denied|must be owner|must be superuser|must be a superuser|not allowed to"
    r"|type \"(?:\w+\.)?(?:vector|halfvec|citext|hstore|ltree|geography|geometry|http_\w+)\""
    r"|function (?:public\.)?(?:uuid_generate_v\w+|gen_random_bytes|digest|hmac|crypt|gen_salt"
    r"|similarity|word_similarity|unaccent|moddatetime|sign|http_\w+|json\w*_matches_schema)\(",
)
_OF_PSQL = "is a command of psql"
"""The server of a hosted project refuses it too, and so does the Supabase CLI."""
_PLACE = re.compile(r"\S+\.sql(?:, line \d+(?:, column \d+)?: )?")
_SAID = re.compile(r"\"[^\"]*\"|'[^']*'|\d+")


def owner(run: Run, stage: str) -> str:
    """Return whose the fault of a stage is.

    What psql cannot run on the dressed server either is the history's own, unless what is missing
    there is the platform's.
    """
    said = run.faults[stage]
    if stage == "verify":
        return HISTORY if run.failed_by_pending else PRODUCT
    faults, first = list(run.psql_errors), said
    if stage in {"psql", "sandbox"}:
        at = run.at.get(stage, "")
        if at and all(one.file != at for one in faults):
            faults = []  # psql ran the file
        first = faults[0].what if faults else said
    elif stage in {"rehearse", "migrate"}:
        faults = faults[len(faults) - run.pending_errors :]
    else:
        return PRODUCT
    if not faults:
        return HISTORY if _OF_PSQL in said else PRODUCT
    return STAND_IN if _PLATFORM.search(first) else HISTORY


def kind_of(said: str) -> str:
    """Return a fault's first line without files, names and numbers, to count it by.

    What is missing of an extension or a schema keeps its name.
    """
    line = _PLACE.sub("", said.splitlines()[0])
    return line[:100] if _PLATFORM.search(line) else _SAID.sub("_", line)[:100]
