"""The faults, each with its points: what is done, where, and how the release goes on afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from shipway.edges.servers.cluster import Cluster, newest
from shipway.steps.journal.entries import Standing
from tests.faults.judging import Before, after_fault, at_the_end, latest
from tests.faults.proxy import At, Gate, Proxy
from tests.faults.world import waited

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shipway.sandbox.control import Control
    from tests.faults.world import Place, Running, World

__all__ = ["Counted", "Fault", "counted", "points"]

HTTP: dict[str, tuple[str, dict[str, Any]]] = {
    "answers 500": ("status", {"status": 500, "body": {"error": {"code": "internal"}}}),
    "answers 429 with Retry-After": ("status", {"status": 429, "headers": {"Retry-After": "1"}}),
    "resets before it acted": ("reset_before", {}),
    "resets after it acted": ("reset_after", {}),
    "answers invalid JSON": ("invalid_json", {}),
    "cuts its answer off": ("truncated", {}),
    "stalls for 30 s": ("stall", {"seconds": 30}),
    "acts, and answers after our timeout": ("delay", {"seconds": 1.5}),
}
_CUTTING = (At.BEFORE, At.ANSWERED)
_JUMPS_S = (-86400.0, -3600.0, 3600.0, 86400.0 * 400)
_JUMPS_AFTER = (1, 5, 12, 25, 40)
_DISK = "size=160m"
"""Enough for preflight, which wants room for a backup and its copies."""
_TOGETHER = 20
_INTERRUPTED = 130


@dataclass(frozen=True, kw_only=True)
class Counted:
    """How much of everything an undisturbed release does."""

    lines: int
    exchanges: int
    vercel: int
    supabase: int


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One point."""

    kind: str
    name: str
    run: Callable[[World], list[str]]
    """Does it in a place of its own and returns what was lost."""


def counted(world: World) -> Counted:
    """Count in an undisturbed release."""
    place = world.place()
    world.vercel.forget_requests()
    world.supabase.forget_requests()
    with Proxy(world.port, None, lambda: None) as proxy:
        running = place.start(port=proxy.port, SHIPWAY_BACKUP_BUCKET="backups")
        assert running.ended() == 0, running.said()
    place.close()
    return Counted(
        lines=proxy.lines,
        exchanges=proxy.exchanges,
        vercel=len(world.vercel.requests()),
        supabase=len(world.supabase.requests()),
    )


def points(count: Counted) -> Iterator[Fault]:
    """Yield every point; the cheapest to understand first."""
    yield from _kills(count)
    yield from _kills_with_rehearsal(count)
    yield from _kills_in_rehearsal()
    yield from _interruptions(count)
    yield from _stops(count)
    yield from _http(count)
    yield from _cuts(count)
    yield from _jumps()
    yield from _full_disks(count)
    yield from _two_at_once()


def _kills(count: Counted) -> Iterator[Fault]:
    for number in range(1, count.lines + 1):
        for at in _CUTTING:
            for moved in (False, True):
                where = "another machine" if moved else "the same machine"
                gate = Gate(number=number, at=at, lines=True)

                yield Fault(
                    kind=f"SIGKILL at each journal line, goes on on {where}",
                    name=f"line {number}, {at}",
                    run=partial(_through_proxy, gate=gate, kill=True, moved=moved),
                )


def _kills_with_rehearsal(count: Counted) -> Iterator[Fault]:
    """Yield the same for a release as it is by default: rehearsed, with a copy of its backup."""
    for number in range(1, count.lines + 1):
        gate = Gate(number=number, at=At.ANSWERED, lines=True)
        run = partial(_through_proxy, gate=gate, kill=True, moved=True, rehearsed=True, copied=True)
        yield Fault(
            kind="SIGKILL at each journal line of a rehearsed release with a copy of its backup",
            name=f"line {number}, goes on on another machine",
            run=run,
        )


def _kills_in_rehearsal() -> Iterator[Fault]:
    for said in ("rehearse", "restored", "on the copy: applied 002", "on the copy: applied 003"):
        yield Fault(
            kind="SIGKILL in mid-rehearsal",
            name=f"once it says {said}",
            run=partial(_killed_in_rehearsal, said=said),
        )


def _killed_in_rehearsal(world: World, said: str) -> list[str]:
    """Kill a release while its copy is there; the next one takes away what is left of it."""
    place, before = _new(world)
    copies = place.folder / ".shipway" / "rehearsals"
    running = place.start(rehearsed=True)
    waited(lambda: said in running.said() and any(copies.glob("*")), f"{copies} and {said}")
    servers = [Cluster(path, newest()) for path in copies.iterdir()]
    running.kill()
    running.ended()
    problems = _settled(place, before, None, said=running.said, rehearsed=True)
    return problems + [f"{one.home} was left behind" for one in servers if one.home.exists()]


def _interruptions(count: Counted) -> Iterator[Fault]:
    for signals in ((signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGINT)):
        names = " and ".join(one.name for one in signals)
        # The last line says how it ended: then there is nothing left to interrupt.
        for number in range(1, count.lines):
            yield Fault(
                kind=f"{names} at each journal line",
                name=f"line {number}",
                run=partial(_interrupted, number=number, signals=signals),
            )


def _interrupted(world: World, number: int, signals: tuple[signal.Signals, ...]) -> list[str]:
    """Interrupt a release while a line is on its way; it has to end with 130 and say what stands.

    After a second signal it need not have come to say anything.
    """
    place, before = _new(world)
    started = threading.Event()
    running: list[Running] = []

    def act() -> None:
        started.wait(30)
        for one in signals:
            os.kill(running[0].pid, one)

    gate = Gate(number=number, at=At.MEANWHILE, lines=True)
    with Proxy(world.port, gate, act) as proxy:
        running.append(place.start(port=proxy.port))
        started.set()
        code = running[0].ended()
    problems = [] if code == _INTERRUPTED else [f"it ended with {code}"]
    if len(signals) == 1 and "Done and standing: " not in running[0].said():
        problems.append("it did not say what stands")
    return problems + _settled(place, before, None, said=running[0].said)


def _stops(count: Counted) -> Iterator[Fault]:
    for number in range(1, count.lines + 1):
        for at in _CUTTING:
            gate = Gate(number=number, at=at, lines=True)
            yield Fault(
                kind="database stopped immediately at each journal line, then started",
                name=f"line {number}, {at}",
                run=partial(_through_proxy, gate=gate, stop=True, moved=number % 2 == 0),
            )


def _cuts(count: Counted) -> Iterator[Fault]:
    for at, word in ((At.BEFORE, "before each message"), (At.ANSWERED, "before each answer")):
        for number in range(1, count.exchanges + 1):
            yield Fault(
                kind=f"database connection cut {word}",
                name=f"exchange {number}",
                run=partial(_through_proxy, gate=Gate(number=number, at=at, lines=False)),
            )


def _http(count: Counted) -> Iterator[Fault]:
    for api, calls in (("Vercel", count.vercel), ("Supabase", count.supabase)):
        for kind, (what, details) in HTTP.items():
            for number in range(calls):
                run = partial(_http_fault, api=api, number=number, what=what, details=details)
                yield Fault(kind=f"{api} {kind}", name=f"call {number + 1}", run=run)
    for number in range(count.vercel):
        run = partial(_http_fault, api="Vercel", number=number, what="stale", details={}, times=3)
        yield Fault(kind="Vercel answers old data", name=f"from call {number + 1}", run=run)


def _jumps() -> Iterator[Fault]:
    for jump_s in _JUMPS_S:
        for after in _JUMPS_AFTER:
            run = partial(_jumped, jump_s=jump_s, after=after)
            yield Fault(kind="clock jumps", name=f"{jump_s:+.0f} s at look {after}", run=run)


def _jumped(world: World, jump_s: float, after: int) -> list[str]:
    place, before = _new(world)
    return _settled(place, before, place.start(jump_s=jump_s, jump_after=after))


def _full_disks(count: Counted) -> Iterator[Fault]:
    if os.geteuid() != 0:
        return  # a file system of its own wants root
    for number in range(1, count.lines + 1):
        gate = Gate(number=number, at=At.MEANWHILE, lines=True)
        yield Fault(
            kind="disk full in .shipway/",
            name=f"from line {number} on",
            run=partial(_full_disk, gate=gate),
        )


def _full_disk(world: World, gate: Gate) -> list[str]:
    """Fill the disk up at a journal line; make room again before the release goes on."""
    place, before = _new(world)
    state = place.folder / ".shipway"
    state.rename(place.folder / "kept")
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", _DISK, "shipway", str(state)], check=True)
    try:

        def fill() -> None:
            free = os.statvfs(state)
            with (state / "filler").open("wb") as filler:
                os.posix_fallocate(filler.fileno(), 0, free.f_bavail * free.f_bsize)

        with Proxy(world.port, gate, fill) as proxy:
            running = place.start(port=proxy.port)
            running.ended()
        (state / "filler").unlink(missing_ok=True)
        return _settled(place, before, None, said=running.said)
    finally:
        subprocess.run(["umount", "-l", str(state)], check=True)


def _two_at_once() -> Iterator[Fault]:
    for number in range(_TOGETHER):
        yield Fault(kind="two releases at once", name=f"time {number + 1}", run=_both)


def _both(world: World) -> list[str]:
    place, before = _new(world)
    running = [place.start(), place.start()]
    codes = sorted(one.ended() for one in running)
    if 0 not in codes or set(codes) - {0, 75}:
        return [f"they ended with {codes}", *(one.said()[-500:] for one in running)]
    return at_the_end(place, before)


def _through_proxy(  # noqa: PLR0913 - what is disturbed, and what kind of release
    world: World,
    gate: Gate,
    *,
    kill: bool = False,
    stop: bool = False,
    moved: bool = False,
    rehearsed: bool = False,
    copied: bool = False,
) -> list[str]:
    """Disturb a release at a gate of the database's proxy, and let it go on afterwards."""
    place, before = _new(world)
    if copied:
        place.environ["SHIPWAY_BACKUP_BUCKET"] = "backups"
    started = threading.Event()
    running: list[Running] = []

    def act() -> None:
        if kill:
            started.wait(30)
            running[0].kill()
        if stop:
            world.cluster.stop(immediate=True)

    with Proxy(world.port, gate, act) as proxy:
        running.append(place.start(port=proxy.port, rehearsed=rehearsed))
        started.set()
        code = running[0].ended()
    if stop:
        world.cluster.start(world.port)
    if not proxy.reached:
        return [] if code == 0 else [f"the point did not come, and it ended with {code}"]
    return _settled(
        place,
        before,
        None,
        moved=moved,
        said=running[0].said,
        rehearsed=rehearsed,
        copied=copied,
    )


def _http_fault(  # noqa: PLR0913 - what a rule of a stand-in needs
    world: World, *, api: str, number: int, what: str, details: dict[str, Any], times: int = 1
) -> list[str]:
    control: Control = world.vercel if api == "Vercel" else world.supabase
    place, before = _new(world)
    control.fault(what, after=number, times=times, **details)
    # Copies in Storage cost half a second: they are made where Storage is what fails.
    bucket = {"SHIPWAY_BACKUP_BUCKET": "backups"} if api == "Supabase" else {}
    place.environ |= bucket
    return _settled(place, before, place.start())


def _new(world: World) -> tuple[Place, Before]:
    place = world.place()
    releases = place.rows("select distinct release_id from shipway.journal")
    known = frozenset(str(name) for (name,) in releases)
    return place, Before(production=world.production, releases=known)


def _settled(  # noqa: PLR0913 - where it stands, and what kind of release
    place: Place,
    before: Before,
    running: Running | None,
    *,
    moved: bool = False,
    said: Callable[[], str] = str,
    rehearsed: bool = False,
    copied: bool = False,
) -> list[str]:
    """Judge what stands, go on from there, and judge the end.

    Where the backup is copied, the machine that goes on has to hold one itself.
    """
    with ExitStack() as stack:
        stack.callback(place.close)
        if running is not None:
            running.ended()
            said = running.said
        place.world.heal()
        problems = after_fault(place, before)
        past = latest(place, before)
        here = place.moved() if moved else place
        last, again = said, None
        if past is None or past.standing is not Standing.OVER:
            again = here.start(resume=past is not None, rehearsed=rehearsed)
            code = again.ended()
            last = again.said
            if code != 0:
                problems.append(f"it did not go on: exit code {code}")
        if not problems:
            clean = again is not None or running is not None
            others = () if copied and again is not None else (place,)
            problems = at_the_end(here, before, *others, resumed=clean)
        if problems:
            problems += [f"disturbed: {said()[-1500:]}", f"then: {last()[-1500:]}"]
        return problems
