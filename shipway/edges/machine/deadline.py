"""What bounds a program and what it may say: its deadline, its group's end, its secrets hidden."""

from __future__ import annotations

import fcntl
import io
import os
import selectors
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from shipway.errors import Failed
from shipway.values.basics import Secret

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from _typeshed import WriteableBuffer

__all__ = ["PIPE_BYTES", "Bound", "BoundedPipe", "DeadlinePassed", "Hide", "kill_group"]


PIPE_BYTES: Final = 1 << 20
_GATHER_S: Final = 0.002


class DeadlinePassed(Failed):
    """A program took too long and was killed with all it had started."""


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and all of its group that still runs."""
    # Until its leader is reaped, the group's number cannot belong to anyone else.
    if process.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


class Hide:
    """Takes the secrets that a program was given out of what it says."""

    def __init__(self, env: Mapping[str, str | Secret] | None) -> None:
        self._secrets = [value for value in (env or {}).values() if isinstance(value, Secret)]

    def text(self, said: bytes) -> str:
        """Return what was said, as text without the secrets."""
        text = said.decode("utf-8", errors="replace")
        for secret in self._secrets:
            if secret:
                text = text.replace(secret.reveal(), str(secret))
        return text


class Bound:
    """One program's deadline."""

    def __init__(self, argv: Sequence[str | Path], deadline_s: float) -> None:
        self._program = Path(argv[0]).name
        self._deadline_s = deadline_s
        self._ends = time.monotonic() + deadline_s

    def left_s(self) -> float:
        """Return how many seconds are left."""
        return max(0.0, self._ends - time.monotonic())

    def passed(self) -> DeadlinePassed:
        """Return the error that says that the time is over."""
        return DeadlinePassed(
            f"{self._program} did not finish within {self._deadline_s:g} s and was stopped.",
            unchanged="What it had done before it was stopped stays done.",
            next_step="Look for what holds it up, or allow it more time.",
        )


class BoundedPipe(io.RawIOBase):
    """A pipe that is read only until the deadline, even when its writer never ends."""

    def __init__(self, process: subprocess.Popen[bytes], bound: Bound) -> None:
        self._process = process
        self._pipe = cast("IO[bytes]", process.stdout).fileno()
        self._bound = bound
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pipe, selectors.EVENT_READ)
        self._gather_s = _GATHER_S if _enlarge(self._pipe) else 0.0

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read once; raise DeadlinePassed when nothing comes in time."""
        if not self._selector.select(self._bound.left_s()):
            kill_group(self._process)
            raise self._bound.passed()
        # Programs write little at a time: a moment later there is much more to be read at once.
        time.sleep(self._gather_s)
        return os.readv(self._pipe, [buffer])

    def close(self) -> None:
        """Close the selector; the pipe belongs to the program."""
        self._selector.close()
        super().close()


def _enlarge(pipe: int) -> bool:
    """Let a pipe hold much; only Linux can, and where it does not, reading goes on as before."""
    if not hasattr(fcntl, "F_SETPIPE_SZ"):
        return False
    try:
        return fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES) >= PIPE_BYTES
    except OSError:
        return False
