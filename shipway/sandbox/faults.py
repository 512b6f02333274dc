"""Misbehaviour on command: rules that say which call, build or promotion goes wrong, and how."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shipway.sandbox.state import Document

WHAT = {
    "request": frozenset(
        {
            "status",  # answers `status`, `body`, `headers` and does nothing
            "delay",  # waits `seconds`, then does as asked
            "stall",  # is silent for `seconds`, does nothing, hangs up
            "reset_before",  # resets the connection and does nothing
            "reset_after",  # does as asked, then resets the connection: the answer is lost
            "invalid_json",  # does as asked and answers a body that is no JSON
            "truncated",  # does as asked and sends half of the answer
            "stale",  # a GET answers as it did before its answer last changed
        }
    ),
    "build": frozenset(
        {
            "ERROR",
            "CANCELED",
            "BLOCKED",
            "never",  # stays BUILDING
            "slow",  # takes `seconds`
            "alias_error",  # READY, but no domain is assigned
            "checks_failed",  # READY, but checksConclusion is failed
            # READY, but answers `status` on `paths` (all when left out) after `good_answers`
            "serves_errors",
            "flag_ignored",  # autoAssignCustomDomains:false of the request is not heeded
        }
    ),
    "alias": frozenset(
        {
            "failed",
            "skipped",
            "slow",  # takes `seconds`
            "never",  # stays in-progress
            "stale",  # takes effect, but lastAliasRequest goes on telling of the job before
            "shifted",  # requestedAt is off by `shift_ms`
            "queued",  # answers 202; takes effect after `seconds`, or never without them
        }
    ),
    "store": frozenset(
        {
            "corrupt",  # keeps an upload with one wrong byte in its middle, and says nothing
            "lost",  # says that it kept the upload, and did not
        }
    ),
    "serve": frozenset({"status"}),  # the deployed app answers `status`, with an error row
    "runtime-logs": frozenset(
        {
            "cut",  # resets the connection after `rows` rows
            "delimiter",  # sends the delimiter row after `rows` rows and ends
        }
    ),
}
_KNOWN = {"on", "what", "method", "path", "times", "after", "details"}


class BadRule(Exception):  # noqa: N818 - it names what was received
    """A rule that can never apply or says nothing."""


class FaultBook:
    """The rules of one API, kept on disk so that a restart does not heal anything."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def add(self, given: dict[str, Any]) -> dict[str, Any]:
        """Keep a rule and return it with its id.

        Args:
            given: `on` and `what` as in `WHAT`; `method` (empty: any), `path` (a regular
                expression that has to be found in the path), `times` (None: for ever), `after`
                (so many matching events pass first), `details` as the `what` needs.

        Raises:
            BadRule: it is not of this form.
        """
        rule: dict[str, Any] = {"on": "request", "method": "", "path": "", "times": 1, "after": 0}
        rule |= {"details": {}, **given}
        if unknown := set(given) - _KNOWN:
            raise BadRule(f"unknown keys: {', '.join(sorted(unknown))}")
        if rule.get("what") not in WHAT.get(str(rule["on"]), ()):
            raise BadRule(f"no such fault: {rule.get('what')!r} on {rule['on']!r}")
        try:
            re.compile(rule["path"])
        except (re.error, TypeError) as error:
            raise BadRule(f"path is no regular expression: {error}") from None
        rule["id"] = f"fault_{secrets.token_hex(4)}"
        with self._document.change() as data:
            data["rules"].append(rule)
        return rule

    def clear(self) -> None:
        """Drop every rule."""
        with self._document.change() as data:
            data["rules"].clear()

    def all(self) -> list[dict[str, Any]]:
        """Return the rules that may still apply, oldest first."""
        with self._document.look() as data:
            return [dict(rule) for rule in data["rules"]]

    def take(self, on: str, *, method: str = "", path: str = "") -> dict[str, Any] | None:
        """Return the oldest rule that applies to an event, and count it as used."""
        with self._document.look() as data:
            matching = [rule for rule in data["rules"] if _matches(rule, on, method, path)]
        if not matching:
            return None
        with self._document.change() as data:
            for rule in matching:
                if rule["after"] > 0:
                    rule["after"] -= 1
                    continue
                if rule["times"] is not None:
                    rule["times"] -= 1
                    if rule["times"] <= 0 and rule in data["rules"]:
                        data["rules"].remove(rule)
                return dict(rule)
        return None


def _matches(rule: dict[str, Any], on: str, method: str, path: str) -> bool:
    return (
        rule["on"] == on
        and rule["method"].upper() in {"", method}
        and re.search(rule["path"], path) is not None
    )
