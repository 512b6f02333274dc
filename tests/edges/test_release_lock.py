"""The lock of a target: one holder, told by name, and freed by its death."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from shipway.edges.release_lock import held
from shipway.errors import Locked

if TYPE_CHECKING:
    from shipway.values import Secret

HOLDER = """
import sys, time
from shipway.edges.release_lock import held
from shipway.values import Secret
with held(Secret(sys.stdin.readline().strip()), owner="release 20261122-a", timeout_s=5):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_one_is_told_who_holds_the_lock_and_changes_nothing(database_url: Secret) -> None:
    with (
        held(database_url, owner="release 20261122-a", timeout_s=5),
        pytest.raises(Locked, match=r"shipway release 20261122-a from 127\.0\.0\.1") as stopped,
        held(database_url, owner="release 20261122-b", timeout_s=5),
    ):
        raise AssertionError("two hold the lock")
    assert stopped.value.exit_code == 75


def test_the_lock_is_free_again_after_the_block_also_after_an_error(database_url: Secret) -> None:
    with pytest.raises(ValueError, match="oops"), held(database_url, owner="a", timeout_s=5):
        raise ValueError("oops")
    with held(database_url, owner="b", timeout_s=5):
        pass


def test_a_killed_holder_leaves_no_lock_behind(database_url: Secret) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(database_url.reveal() + "\n")
        holder.stdin.flush()
        assert holder.stdout.readline() == "held\n"
        holder.send_signal(signal.SIGKILL)
    ends = time.monotonic() + 30
    while True:
        try:
            with held(database_url, owner="b", timeout_s=5):
                return
        except Locked:
            assert time.monotonic() < ends, "the lock outlived its holder"
            time.sleep(0.05)
