"""Squawk's rules as we use them: which are on, how much each matters, and what each claims."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from shipway.values.lint import Severity

__all__ = ["LEFT_OUT", "SWITCHED_ON", "Claim", "claim_of", "severity_of"]


class Claim(Enum):
    """What a rule says will happen: that decides which measurement can answer it."""

    LOCK = auto()
    """A long lock, a scan or a rewrite."""
    CLIENT = auto()
    """Code that is live may break."""
    ROWS = auto()
    """Every row is met."""
    ACCESS = auto()
    """People may do more than before, or less."""
    OTHER = auto()


_LOCK: Final = (
    "squawk/adding-field-with-default",
    "squawk/adding-foreign-key-constraint",
    "squawk/adding-not-nullable-field",
    "squawk/adding-serial-primary-key-field",
    "squawk/changing-column-type",
    "squawk/constraint-missing-not-valid",
    "squawk/disallowed-unique-constraint",
    "squawk/prefer-repack",
    "squawk/require-concurrent-index-creation",
    "squawk/require-concurrent-index-deletion",
    "squawk/require-concurrent-partition-detach",
    "squawk/require-concurrent-reindex",
)
# Off by default in squawk; together they tell what only a contract migration should do.
_REMOVES: Final = (
    "ban-detach-inheritance",
    "ban-drop-constraint",
    "ban-drop-domain",
    "ban-drop-extension",
    "ban-drop-function",
    "ban-drop-generated-expression",
    "ban-drop-index",
    "ban-drop-schema",
    "ban-drop-sequence",
    "ban-drop-type",
    "ban-drop-view",
    "ban-revoke",
    "ban-set-schema",
    "renaming-object",
)
_CHANGES: Final = (
    "ban-alter-extension",
    "ban-alter-generated-expression",
    "ban-alter-identity",
    "ban-alter-sequence-values",
    "ban-new-write-restriction",
    "ban-replace-view-function",
    "ban-set-default",
)
_ACCESS: Final = ("ban-alter-function-options", "ban-alter-role-options", "ban-alter-view-options")
_OPERATION: Final = (
    "ban-alter-database-options",
    "ban-alter-system-options",
    "ban-disable-trigger",
    "ban-replica-identity",
)
_BREAKS: Final = (
    "adding-required-field",
    "ban-drop-column",
    "ban-drop-database",
    "ban-drop-not-null",
    "ban-drop-table",
    "ban-truncate-cascade",
    "renaming-column",
    "renaming-table",
)
SWITCHED_ON: Final = (*_REMOVES, *_CHANGES, *_ACCESS, *_OPERATION)
"""Opt-in rules that are asked too. Those for row security and policies are not: our own rules name
the table and the policy, so that the rehearsal can answer. Nor are those that any addition breaks
(a column, a policy, an enum value): an addition is what an expand migration is for."""
LEFT_OUT: Final = (
    # The engine sees to these: a transaction a file, limits of its own, CONCURRENTLY outside.
    "ban-concurrent-index-creation-in-transaction",
    "ban-uncommitted-transaction",
    "prefer-robust-stmts",
    "require-lock-timeout",
    "require-statement-timeout",
    "transaction-nesting",
    # Taste in types: no rehearsal can say anything to it.
    "ban-char-field",
    "prefer-bigint-over-int",
    "prefer-bigint-over-smallint",
    "prefer-identity",
    "prefer-text-field",
    "prefer-timestamp-tz",
)
_QUIET: Final = {f"squawk/{rule}" for rule in (*_CHANGES, "ban-replica-identity", "ban-drop-index")}
_LOUD: Final = {f"squawk/{rule}" for rule in ("ban-drop-database", "ban-truncate-cascade")}
_OF_CLIENTS: Final = {f"squawk/{rule}" for rule in (*_REMOVES, *_CHANGES, *_BREAKS)}
_OWN: Final = {
    "shipway/in-do-block": Claim.LOCK,
    "shipway/no-where": Claim.ROWS,
    "shipway/truncate": Claim.ROWS,
    "shipway/row-security-off": Claim.ACCESS,
    "shipway/policy-dropped": Claim.ACCESS,
    "shipway/policy-altered": Claim.ACCESS,
    "shipway/policy-open": Claim.ACCESS,
    "shipway/grant-to-everyone": Claim.ACCESS,
}


def claim_of(rule: str) -> Claim:
    """Return what a rule claims."""
    if rule in _LOCK:
        return Claim.LOCK
    if rule in _OF_CLIENTS:
        return Claim.CLIENT
    return _OWN.get(rule, Claim.OTHER)


def severity_of(rule: str) -> Severity:
    """Return how much a finding of squawk's matters before it is weighed."""
    if rule in _LOUD:
        return Severity.SERIOUS
    return Severity.NOTE if rule in _QUIET else Severity.WARNING
