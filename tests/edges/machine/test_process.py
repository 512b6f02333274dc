"""Programs are really started, really bounded, and told only what they are given."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from shipway.edges.machine import process
from shipway.errors import Misconfigured
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = sys.executable


def _python(code: str) -> list[str]:
    return [PYTHON, "-c", code]


def _wait_until_gone(pid: int) -> None:
    ends = time.monotonic() + 30
    while process.alive(pid):
        assert time.monotonic() < ends, f"{pid} still runs"
        time.sleep(0.01)


def test_a_program_is_run_to_its_end_and_both_its_outputs_come_back() -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    finished = process.run(_python(code), deadline_s=30)
    assert (finished.returncode, finished.stdout, finished.stderr) == (3, b"out\n", "err\n")


def test_arguments_are_never_read_by_a_shell(tmp_path: Path) -> None:
    word = f"; touch {tmp_path}/made $(id) * 'x'"
    code = "import sys; print(sys.argv[1], end='')"
    assert process.run([*_python(code), word], deadline_s=30).stdout.decode() == word
    assert not list(tmp_path.iterdir())


def test_a_program_knows_nothing_of_our_environment_but_what_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VERCEL_TOKEN", "not yours")
    code = "import os; print(sorted(os.environ))"
    said = process.run(_python(code), env={"GIVEN": Secret("x")}, deadline_s=30).stdout.decode()
    assert "GIVEN" in said
    assert "PATH" in said
    assert "VERCEL_TOKEN" not in said


def test_a_secret_reaches_the_program_but_not_what_is_kept_of_its_messages() -> None:
    code = "import os, sys; print(os.environ['P']); print('bad', os.environ['P'], file=sys.stderr)"
    finished = process.run(_python(code), env={"P": Secret("hunter2")}, deadline_s=30)
    assert finished.stdout == b"hunter2\n"
    assert finished.stderr == "bad (hidden)\n"


def test_a_program_that_does_not_exist_is_named() -> None:
    with pytest.raises(Misconfigured, match="no program 'no-such-program'") as caught:
        process.run(["no-such-program"], deadline_s=1)
    assert "Install no-such-program" in caught.value.next_step


def test_the_deadline_kills_the_program_and_all_that_it_started(tmp_path: Path) -> None:
    note = tmp_path / "child"
    code = (
        "import subprocess, sys, time, pathlib;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        f"path = pathlib.Path({str(note)!r}); path.write_text(str(child.pid));"
        "time.sleep(600)"
    )
    with pytest.raises(process.DeadlinePassed, match="did not finish within 2 s"):
        process.run(_python(code), deadline_s=2)
    _wait_until_gone(int(note.read_text()))


def test_the_deadline_holds_even_when_a_grandchild_has_left_the_group() -> None:
    code = (
        "import subprocess, sys;"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(20)'],"
        " start_new_session=True)"
    )
    began = time.monotonic()
    with pytest.raises(process.DeadlinePassed):
        process.run(_python(code), deadline_s=1)
    assert time.monotonic() - began < 15


def test_output_is_streamed_while_the_program_runs() -> None:
    code = (
        "import sys; print('first', flush=True); sys.stderr.write('e' * 300000);"
        "sys.stdout.write('x' * 300000); sys.exit(4)"
    )
    with process.stream(_python(code), deadline_s=30) as running:
        assert running.stdout.readline() == b"first\n"
        assert len(running.stdout.read()) == 300000
        finished = running.finish()
    assert finished.returncode == 4
    assert len(finished.stderr) == 300000


def test_leaving_a_stream_early_kills_the_program() -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with process.stream(_python(code), deadline_s=600) as running:
        pid = int(running.stdout.readline())
    _wait_until_gone(pid)


def test_a_failure_while_reading_a_stream_kills_the_program() -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    pids: list[int] = []

    def read_and_fail() -> None:
        with process.stream(_python(code), deadline_s=600) as running:
            pids.append(int(running.stdout.readline()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        read_and_fail()
    _wait_until_gone(pids[0])


def test_a_silent_stream_is_read_only_until_the_deadline() -> None:
    code = "import time; time.sleep(600)"
    with (
        pytest.raises(process.DeadlinePassed),
        process.stream(_python(code), deadline_s=0.5) as running,
    ):
        running.stdout.read()


def test_a_program_that_closes_its_output_and_goes_on_is_bounded_too() -> None:
    code = "import os, time; os.close(1); time.sleep(600)"
    with (
        pytest.raises(process.DeadlinePassed),
        process.stream(_python(code), deadline_s=1.5) as running,
    ):
        running.finish()


def test_a_daemon_writes_its_log_and_outlives_the_one_who_started_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    starter = (
        "import sys; from pathlib import Path; from shipway.edges.machine import process;"
        "code = 'import time; print(1, flush=True); time.sleep(600)';"
        f"print(process.daemon([sys.executable, '-c', code], log=Path({str(log)!r})))"
    )
    pid = int(process.run(_python(starter), deadline_s=30).stdout)
    try:
        ends = time.monotonic() + 30
        while not log.read_text() and time.monotonic() < ends:
            time.sleep(0.01)
        assert log.read_text() == "1\n"
        assert process.alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_daemon_of_ours_that_ended_is_not_alive(tmp_path: Path) -> None:
    pid = process.daemon(_python("pass"), log=tmp_path / "log")
    _wait_until_gone(pid)


def test_the_terminal_is_handed_over_and_the_exit_status_comes_back() -> None:
    assert process.interactive(_python("import sys; sys.exit(5)"), env={}) == 5
