"""Listening early: to the old version before its end, to the new one before its first visitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from shipway.cleanup import afterwards
from shipway.steps.watch.counts import is_failure, is_request
from shipway.steps.watch.error_fingerprint import fingerprint
from shipway.values.logs import Baseline

if TYPE_CHECKING:
    from datetime import datetime

    from shipway.steps.watch.watch import Logs, Tail
    from shipway.values.basics import Clock

__all__ = ["Listening", "join_baselines"]

_KEPT_KINDS = 500


class Listening:
    """Tails that were opened ahead of time; it is the `Logs` of the watch that follows.

    A live tail knows no past: what is to be counted has to be listened to before it happens.

    Args:
        logs: where tails come from.
        clock: tells since when a deployment is listened to.
    """

    def __init__(self, logs: Logs, clock: Clock) -> None:
        self._logs = logs
        self._clock = clock
        self._since: dict[str, datetime] = {}
        self._tails: dict[str, Tail] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for tail in self._tails.values():
            tail.close()

    def begin(self, deployment_id: str) -> None:
        """Begin to listen to a deployment."""
        if deployment_id not in self._tails:
            self._tails[deployment_id] = self._logs.open(deployment_id)
            self._since.setdefault(deployment_id, self._clock.now())

    def since(self, deployment_id: str) -> datetime | None:
        """Return since when a deployment is listened to; None when it never was."""
        return self._since.get(deployment_id)

    def open(self, deployment_id: str) -> Tail:
        """Hand over the tail that was opened ahead of time, or a new one."""
        return self._tails.pop(deployment_id, None) or self._logs.open(deployment_id)

    def heard(self, deployment_id: str) -> Baseline:
        """Return what was heard of a deployment so far, and go on listening no longer."""
        tail = self._tails.pop(deployment_id, None)
        if tail is None:
            return Baseline()
        requests = errors = 0
        kinds: dict[str, None] = {}
        with afterwards(tail.close):
            while rows := tail.take(0.0):
                for row in rows:
                    requests += is_request(row)
                    if is_failure(row):
                        errors += 1
                        if len(kinds) < _KEPT_KINDS:
                            kinds[fingerprint(row)] = None
        return Baseline(requests=requests, errors=errors, fingerprints=tuple(kinds))


def join_baselines(first: Baseline, second: Baseline) -> Baseline:
    """Return two baselines as one."""
    return Baseline(
        requests=first.requests + second.requests,
        errors=first.errors + second.errors,
        fingerprints=tuple(dict.fromkeys((*first.fingerprints, *second.fingerprints))),
    )
