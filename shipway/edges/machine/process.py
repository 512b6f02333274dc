"""The only module that starts programs: argv lists, a clean environment, a deadline that holds."""

from __future__ import annotations

import io
import os
import pwd
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from shipway.edges.machine.deadline import (
    PIPE_BYTES,
    Bound,
    BoundedPipe,
    DeadlinePassed,
    Hide,
    kill_group,
)
from shipway.errors import Misconfigured
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Argv = Sequence[str | Path]
    Environment = Mapping[str, str | Secret]

__all__ = [
    "DeadlinePassed",
    "Finished",
    "Running",
    "alive",
    "daemon",
    "interactive",
    "run",
    "stream",
]

# What a program may know of our environment. Everything else is passed by name, so that no
# token of the operator's shell reaches a program that has no business with it.
_INHERITED = ("PATH", "HOME", "TMPDIR")
_INHERITED_BY_TERMINAL_PROGRAMS = (
    *_INHERITED,
    *("TERM", "LANG", "LC_ALL", "LC_CTYPE", "COLUMNS", "LINES", "PAGER", "EDITOR", "VISUAL"),
)
# After a group was killed its pipes close at once, unless a grandchild left the group.
_GRACE_S = 1.0
_MOST_COMPLAINTS_BYTES = 1 << 20

# Programs that `daemon` started in this process: they must be reaped, or they look alive.
_daemons: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How a program ended. A negative return code is the number of the signal that killed it."""

    returncode: int
    stdout: bytes
    stderr: str


class Running:
    """A program whose output is being read. `finish()` waits for its end."""

    def __init__(
        self, process: subprocess.Popen[bytes], errors: IO[bytes], bound: Bound, hide: Hide
    ) -> None:
        self._process = process
        self._errors = errors
        self._bound = bound
        self._hide = hide
        self.stdout: BinaryIO = io.BufferedReader(BoundedPipe(process, bound), PIPE_BYTES)

    def complaints(self) -> bytes:
        """Return what it has written to stderr so far."""
        return os.pread(self._errors.fileno(), _MOST_COMPLAINTS_BYTES, 0)

    def watched(self, look: Callable[[bytes], None], *, every_s: float) -> Finished:
        """Wait for the end of a program that writes to stderr alone, looking at that meanwhile.

        Raises:
            DeadlinePassed: the program was killed because its time was over.
        """
        while self._bound.left_s() > 0:
            try:
                self._process.wait(min(every_s, self._bound.left_s()))
            except subprocess.TimeoutExpired:
                look(self.complaints())
            else:
                break
        return self.finish()

    def finish(self) -> Finished:
        """Wait for the end; what was not read of the output is dropped.

        Raises:
            DeadlinePassed: the program was killed because its time was over.
        """
        while self.stdout.read(1 << 16):
            pass
        try:
            returncode = self._process.wait(self._bound.left_s())
        except subprocess.TimeoutExpired:
            raise self._bound.passed() from None
        self._errors.seek(0)
        return Finished(
            returncode=returncode, stdout=b"", stderr=self._hide.text(self._errors.read())
        )


def run(  # noqa: PLR0913 - all but the program by name
    argv: Argv,
    *,
    env: Environment | None = None,
    inherit: tuple[str, ...] = (),
    cwd: Path | None = None,
    deadline_s: float,
    user: str | None = None,
    stdin: bytes = b"",
) -> Finished:
    """Run a program to its end and return what it said; a failure is the caller's to judge.

    Args:
        argv: the program and its arguments. Secrets never stand here: `ps` shows them to all.
        env: all that it may know beside PATH and the like; secrets go here.
        inherit: names of further variables of ours that it may know.
        cwd: where it runs; with `user` the root of the file system unless given.
        deadline_s: seconds after which it is killed with its whole process group.
        user: the account to run as; only root can use it.
        stdin: what it can read.

    Raises:
        Misconfigured: there is no such program.
        DeadlinePassed: it was killed because its time was over.
    """
    hide = Hide(env)
    bound = Bound(argv, deadline_s)
    known: dict[str, str | Secret] = {
        name: os.environ[name] for name in inherit if name in os.environ
    }
    known |= env or {}
    with _start(argv, known, cwd, user, subprocess.PIPE, stdin=subprocess.PIPE) as process:
        try:
            stdout, stderr = process.communicate(stdin, timeout=deadline_s)
        except subprocess.TimeoutExpired:
            kill_group(process)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=_GRACE_S)
            raise bound.passed() from None
    return Finished(returncode=process.returncode, stdout=stdout, stderr=hide.text(stderr))


@contextmanager
def stream(
    argv: Argv, *, env: Environment | None = None, deadline_s: float, cwd: Path | None = None
) -> Iterator[Running]:
    """Start a program and read its output while it runs.

    Leaving the block before `finish()` has returned kills the program and all it started.
    Errors are as in `run`; reading `stdout` raises DeadlinePassed too.
    """
    # Its messages go to a file: a second pipe that nobody reads would make it stand still.
    with (
        tempfile.TemporaryFile() as errors,
        _start(argv, env, cwd, None, errors) as process,
    ):
        running = Running(process, errors, Bound(argv, deadline_s), Hide(env))
        with running.stdout:
            yield running


def daemon(  # noqa: PLR0913 - all but the program by name
    argv: Argv,
    *,
    program: Path | None = None,
    env: Environment | None = None,
    cwd: Path | None = None,
    log: Path,
    user: str | None = None,
) -> int:
    """Start a program that outlives us and return its pid; all that it says is added to `log`.

    Args:
        argv: as in `run`.
        program: what is run, where the first of `argv` is only the name that it is told.
        env: as in `run`.
        cwd: as in `run`.
        log: a file.
        user: as in `run`.
    """
    with log.open("ab") as output:
        process = _popen(argv, env, cwd, user, program=program, stdout=output, stderr=output)
    _daemons[process.pid] = process
    return process.pid


def alive(pid: int) -> bool:
    """Return whether a process of this number runs, ours or another's."""
    if pid in _daemons:
        if _daemons[pid].poll() is None:
            return True
        del _daemons[pid]
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def interactive(argv: Argv, *, env: Environment | None = None) -> int:
    """Give the terminal to a program and return its exit status."""
    # Ctrl-C belongs to the program now: psql cancels a query with it and stays.
    # A handler, not SIG_IGN: the program would inherit that one.
    before = signal.signal(signal.SIGINT, lambda _number, _frame: None)
    try:
        environment = _environment(env, _INHERITED_BY_TERMINAL_PROGRAMS)
        # No shell reads it: the words of an argv list stay words.
        return subprocess.Popen([*map(str, argv)], env=environment).wait()  # noqa: S603 - above
    except FileNotFoundError:
        raise _missing(argv) from None
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _start(  # noqa: PLR0913 - as `run`
    argv: Argv,
    env: Environment | None,
    cwd: Path | None,
    user: str | None,
    stderr: int | IO[bytes],
    *,
    stdin: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program; at the block's end it has ended, by itself or by us."""
    process = _popen(argv, env, cwd, user, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr)
    try:
        yield process
    finally:
        kill_group(process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE_S)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def _popen(  # noqa: PLR0913 - the one funnel of run, stream and daemon
    argv: Argv,
    env: Environment | None,
    cwd: Path | None,
    user: str | None,
    *,
    program: Path | None = None,
    stdout: int | IO[bytes],
    stderr: int | IO[bytes],
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    options: dict[str, Any] = {}
    if user is not None:
        account = pwd.getpwnam(user)
        options = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        cwd = cwd or Path("/")
    try:
        return subprocess.Popen(  # noqa: S603 - an argv list, no shell
            [*map(str, argv)],
            executable=program,
            # Messages in English, whatever the machine speaks: they are shown beside ours.
            env=_environment(env, _INHERITED) | {"LC_ALL": "C"},
            cwd=cwd,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            # Its own group, to be killed as one; no terminal, so that nothing asks for a password.
            start_new_session=True,
            **options,
        )
    except FileNotFoundError:
        raise _missing(argv) from None
    except PermissionError as error:
        raise Misconfigured(
            f"{argv[0]} could not be started: {error.strerror}.",
            unchanged="Nothing was started.",
            next_step=f"Make {argv[0]} executable for {user or 'this user'}.",
        ) from None


def _environment(env: Environment | None, inherited: tuple[str, ...]) -> dict[str, str]:
    known = {name: os.environ[name] for name in inherited if name in os.environ}
    known.setdefault("PATH", os.defpath)
    given = env or {}
    return known | {
        name: value.reveal() if isinstance(value, Secret) else value
        for name, value in given.items()
    }


def _missing(argv: Argv) -> Misconfigured:
    return Misconfigured(
        f"There is no program '{argv[0]}' on this machine.",
        unchanged="Nothing was started.",
        next_step=f"Install {Path(argv[0]).name}, or put its folder on PATH.",
    )
