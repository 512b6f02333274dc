"""What follows from the counts of a watch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from shipway.edges.machine.clock import SystemClock
from shipway.edges.machine.log_memory import LogMemory
from shipway.steps.watch.counts import Measure, Tally
from shipway.steps.watch.error_fingerprint import fingerprint
from shipway.steps.watch.log_stream import Listening, join_baselines
from shipway.values.checks import CheckResult, Outcome
from shipway.values.logs import Baseline, LogRow, Verdict, Watched

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def row(second: float = 0, **changes: Any) -> LogRow:
    return LogRow(
        **{
            "row_id": "",
            "at": NOON + timedelta(seconds=second),
            "level": "info",
            "source": "serverless",
            "message": "",
            "path": "/",
            "status": 200,
            **changes,
        }
    )


def counted(good: int, bad: int, *, every_s: float = 1.0, **measure: Any) -> Tally:
    tally = Tally(
        measure=Measure(
            **{"baseline": Baseline(), "min_requests": 20, "tolerance": 0.02, **measure}
        )
    )
    for _ in range(good):
        tally.count(row())
    for number in range(bad):
        tally.count(row(number * every_s, status=500, level="error", message="boom"))
    return tally


@pytest.mark.parametrize(
    ("good", "bad", "verdict"),
    [
        (100, 0, Verdict.GOOD),
        (98, 2, Verdict.GOOD),
        (97, 3, Verdict.GOOD),
        (90, 10, Verdict.BAD),
        (0, 3, Verdict.BAD),
        (0, 2, Verdict.NOT_ENOUGH_EVIDENCE),
        (1, 0, Verdict.NOT_ENOUGH_EVIDENCE),
        (0, 0, Verdict.NOT_ENOUGH_EVIDENCE),
    ],
)
def test_the_verdict_follows_from_the_counts(good: int, bad: int, verdict: Verdict) -> None:
    assert counted(good, bad).judged(window_s=60).verdict is verdict


def test_one_burst_of_errors_is_no_regression() -> None:
    assert counted(0, 50, every_s=0.001).judged(window_s=60).verdict is not Verdict.BAD
    assert counted(0, 50, every_s=1).judged(window_s=60).verdict is Verdict.BAD


def test_errors_that_were_normal_before_are_not_bad_now() -> None:
    noisy = Baseline(requests=2000, errors=100, fingerprints=("500 / boom",))
    assert counted(90, 10).judged(window_s=60).verdict is Verdict.BAD
    assert counted(90, 10, baseline=noisy).judged(window_s=60).verdict is Verdict.GOOD


def test_a_kind_of_error_that_was_never_seen_is_bad_at_a_rate_that_is_else_let_pass() -> None:
    known = Baseline(requests=1000, errors=5, fingerprints=("500 / boom",))
    other = Baseline(requests=1000, errors=5, fingerprints=("500 / bang",))
    assert counted(500, 3, baseline=known).judged(window_s=60).verdict is Verdict.GOOD
    judged = counted(500, 3, baseline=other).judged(window_s=60)
    assert judged.verdict is Verdict.BAD
    assert "never seen before came 3 times: 500 / boom" in judged.reason


def test_without_a_baseline_no_error_is_called_new() -> None:
    assert counted(500, 3).new_kinds == ()


def test_good_says_what_it_would_have_seen_and_not_enough_says_what_is_missing() -> None:
    good = counted(100, 0)
    assert good.smallest_seen is not None
    assert f"{good.smallest_seen:.1%} of errors would have been seen" in (
        good.judged(window_s=60).reason
    )
    assert "13 more would be needed (20 in all)" in counted(7, 0).judged(window_s=60).reason


def test_probes_that_fail_are_judged_apart() -> None:
    tally = counted(100, 0)
    for outcome in [Outcome.PASSED] * 7 + [Outcome.FAILED] * 3:
        tally.count_probe(CheckResult(group="smoke", name="/", outcome=outcome, detail="no answer"))
    judged = tally.judged(window_s=60)
    assert judged.verdict is Verdict.BAD
    assert "3 of 10 probes failed, the last one at /: no answer" in judged.reason


def test_a_log_of_nothing_but_new_errors_does_not_fill_the_memory() -> None:
    tally = counted(0, 0)
    for number in range(3000):
        word = "".join(chr(97 + int(digit)) for digit in str(number))
        tally.count(row(number, level="error", message=f"error {word}"))
    assert tally.errors == 3000
    assert len(tally.kinds) == 500
    assert len(tally.worst) == 10


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Order 17 not found", "Order 4711 not found"),
        ("no user a@example.com", "no user b.c@example.org"),
        ("cannot read 'name'", "cannot read 'age'"),
        (
            "id 0f8fad5b-d9cb-469f-a165-70867728950e",
            "id 7c9e6679-7425-40de-944b-e07fc1f90ae7",
        ),
        ("at dpl_8hJk2Lm3Np failed", "at dpl_9aBc3De4Fg failed"),
        ("GET https://a.example/x?y=1 failed", "GET https://b.example/z failed"),
        ("one line\nand a stack at 0x1", "one line\nand another"),
        ("\x1b[31mred\x1b[0m alert", "red alert"),
    ],
)
def test_two_lines_of_one_kind_have_one_fingerprint(first: str, second: str) -> None:
    assert fingerprint(row(message=first)) == fingerprint(row(message=second))


def test_message_route_and_status_tell_kinds_apart() -> None:
    kinds = {
        fingerprint(row(message="boom", status=500)),
        fingerprint(row(message="bang", status=500)),
        fingerprint(row(message="boom", status=503)),
        fingerprint(row(message="boom", status=500, path="/orders")),
        fingerprint(row(message="boom", status=None, level="fatal")),
    }
    assert len(kinds) == 5


def test_the_particular_parts_of_a_route_do_not_count() -> None:
    first = fingerprint(row(path="/orders/17/items?page=2", status=500))
    assert first == fingerprint(row(path="/orders/18/items", status=500)) == "500 /orders/*/items"


@pytest.mark.parametrize(
    "piece",
    [
        "89504e470d0a1a0a",
        "a.",
        "a+",
        "a-b.",
        "http:",
        "a@",
        "@a.",
        '"',
        "'a",
        "\x1b[1;",
        "0x",
        "deadbeef",
        "ab_cdefghij",
        "1",
        " ",
        "\t\r",
        "/a",
        "//[",
    ],
)
def test_a_line_of_megabytes_is_told_by_its_beginning(piece: str) -> None:
    # Read whole, a pattern that begins anew at each character would not be done with one of these.
    for around in ("{}", "Error: bad upload {}", "{}@", "{}://x"):
        long = around.format(piece * (4_000_000 // len(piece)))
        for _ in range(20):
            told = fingerprint(row(status=500, message=long, path=long))
        assert len(told) < 1_200
        assert told.split(" ")[0] == "500"


@pytest.mark.parametrize("path", ["//[", "/\0", "http://[x", "//a]/b", "https://[::1"])
def test_a_path_that_is_no_address_is_counted_as_it_is(path: str) -> None:
    assert fingerprint(row(status=404, path=path, level="error")).split(" ")[0] == "404"


def test_a_path_with_its_host_is_told_by_the_path() -> None:
    assert fingerprint(row(status=500, path="https://shop.example/cart?x=1#y")) == "500 /cart"


class Spoken:
    """A log that has said its rows already."""

    def __init__(self, *batches: list[LogRow]) -> None:
        self._batches = list(batches)
        self.closed = False

    def open(self, deployment_id: str) -> Spoken:
        del deployment_id
        return self

    def connected(self, wait_s: float) -> bool:
        return wait_s >= 0

    def take(self, wait_s: float) -> list[LogRow]:
        del wait_s
        return self._batches.pop(0) if self._batches else []

    def unseen(self) -> str:
        return ""

    def close(self) -> None:
        self.closed = True


def test_what_was_heard_of_the_old_version_becomes_the_baseline() -> None:
    log = Spoken([row(), row()], [row(status=500, level="error", message="Timeout of 30 s")])
    with Listening(log, SystemClock()) as listening:
        listening.begin("dpl_old")
        heard = listening.heard("dpl_old")
        assert heard == Baseline(requests=3, errors=1, fingerprints=("500 / Timeout of <n> s",))
        assert log.closed
        assert listening.heard("dpl_old") == Baseline()


def test_a_tail_that_nobody_took_over_is_closed() -> None:
    log = Spoken()
    with Listening(log, SystemClock()) as listening:
        listening.begin("dpl_new")
    assert log.closed


def watched(requests: int, errors: int, *kinds: str) -> Watched:
    return Watched(
        verdict=Verdict.GOOD,
        reason="",
        deployment_id="dpl_x",
        window_s=60,
        requests=requests,
        errors=errors,
        probes=0,
        probes_failed=0,
        worst=(),
        fingerprints=kinds,
    )


def test_windows_are_remembered_for_the_next_release(tmp_path: Path) -> None:
    memory = LogMemory(tmp_path / "logs" / "production.json")
    assert memory.read() == Baseline()
    memory.learn(watched(100, 2, "a", "b"))
    memory.learn(watched(50, 1, "b", "c"))
    assert memory.read() == Baseline(requests=150, errors=3, fingerprints=("a", "b", "c"))
    for _ in range(30):
        memory.learn(watched(10, 0))
    assert memory.read().requests == 200


@pytest.mark.parametrize("text", ["", "{", "[]", '{"windows": [1, {"requests": -1}]}', "\x00"])
def test_a_damaged_memory_is_an_empty_one(tmp_path: Path, text: str) -> None:
    path = tmp_path / "production.json"
    path.write_text(text)
    memory = LogMemory(path)
    assert memory.read() == Baseline()
    memory.learn(watched(1, 0))
    assert memory.read().requests == 1


def test_baselines_join() -> None:
    one = Baseline(requests=1, errors=1, fingerprints=("a",))
    assert join_baselines(one, Baseline(requests=2, fingerprints=("a", "b"))) == Baseline(
        requests=3, errors=1, fingerprints=("a", "b")
    )
