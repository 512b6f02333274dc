"""Files in their order, as few messages as it takes: small ones together, each other one alone."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shipway.steps.migrate.file import Runner
    from shipway.values.exchange import Answer
    from shipway.values.migrations import Migration

__all__ = ["run_in_order"]


def run_in_order(
    runner: Runner,
    files: Sequence[Migration],
    applied: Callable[[Migration, Answer], None],
    *,
    about: Callable[[Sequence[Migration]], None] | None = None,
) -> None:
    """Run the files.

    Args:
        runner: runs one, or small ones together.
        files: in their order.
        applied: told of each after its commit.
        about: told of those that go as one message, before it is sent.

    Raises:
        Misconfigured: a file holds what cannot be run; no file was run.
        Stopped: a file failed; those before it stay.
    """
    for migration in files:
        runner.check(migration)
    left = deque(files)

    def one_is_applied(migration: Migration, answer: Answer) -> None:
        left.popleft()
        applied(migration, answer)

    one_by_one = 0
    while left:
        group = [left[0]] if one_by_one else runner.together(left)
        if about is not None and not one_by_one:
            about(group)
        failed = None
        if len(group) > 1:
            behind = len(left) - len(group)
            failed = runner.run_together(group, one_is_applied)
            if failed is None:
                # Untried ones go alone: then the one that kept them from it is known.
                one_by_one = len(left) - behind
                continue
        one_is_applied(left[0], runner.run(left[0], failed))
        one_by_one = max(0, one_by_one - 1)
