"""How preconditions and drift are told to a person."""

from __future__ import annotations

from shipway.figures import count
from shipway.report.terminal import Terminal
from shipway.report.words import counted, show, show_checks, summary
from shipway.steps.drift import Drift
from shipway.steps.preflight import Diagnosis, Ready

__all__: list[str] = []


@summary.register
def _(proof: Ready) -> str:
    return f"{counted(proof.results)}; nothing was changed so far"


@show.register
def _(value: Diagnosis, terminal: Terminal) -> None:
    show_checks(value.results, terminal)
    terminal.note("")
    terminal.note(counted(value.results))


@show.register
def _(value: Drift, terminal: Terminal) -> None:
    if not value.differences:  # else the error that comes with it tells them
        terminal.note(
            f"The schema is what its {count(value.migrations, 'migration')} make; "
            f"fingerprint {value.fingerprint[:12]}"
        )
