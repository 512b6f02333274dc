"""Simulates releases, prints the table of docs/verdicts.md and draws docs/verdicts.svg.

Run from the root of the repository: python -m tests.steps.watch.verdict_figures
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.steps.watch import test_sequential_test as simulation

RUNS = 2000
SHARE = 0.005
TIMES = (1, 2, 3, 5, 10, 30)
COLOURS = ("#7f7f7f", "#9467bd", "#1f77b4", "#2ca02c", "#ff7f0e", "#d62728")
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 640, 330, 60, 20, 50


def main() -> None:
    """Simulate, print and draw."""
    simulation.RUNS, simulation.REQUESTS = RUNS, 2000
    lines = []
    for times, colour in zip(TIMES, COLOURS, strict=True):
        found = sorted(simulation.alarms(float(times)))
        middle = found[len(found) // 2] if len(found) > RUNS / 2 else "-"
        sys.stdout.write(f"| {times} | {len(found) / RUNS:.1%} | {middle} |\n")
        lines.append(curve(found, times, colour))
    for burst in (3, 5):
        share = len(simulation.alarms(1.0, burst=burst)) / RUNS
        sys.stdout.write(f"| 1, bursts of {burst} | {share:.1%} | - |\n")
    Path("docs/verdicts.svg").write_text(picture(lines), encoding="utf-8")


def across(requests: float) -> float:
    """Return where a number of requests lies."""
    return LEFT + (WIDTH - LEFT - 90) * requests / simulation.REQUESTS


def up(share: float) -> float:
    """Return where a share of releases lies."""
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def curve(found: list[int], times: int, colour: str) -> str:
    """Return the share of releases that were called bad by then, as a line with its name."""
    points = [(0.0, 0.0)]
    for number, at in enumerate(found, 1):
        if number % 20 == 0 or number == len(found):
            points.append((at, number / RUNS))
    points.append((simulation.REQUESTS, len(found) / RUNS))
    path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
    # Names of lines that end at the same height stand below each other.
    nudge = {30: -6, 10: 8, 1: 8, 2: -4, 3: -14}.get(times, 0)
    end = up(len(found) / RUNS) + 4 + nudge
    return (
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{across(simulation.REQUESTS) + 6:.1f}" y="{end:.1f}" fill="{colour}">'
        f"{times} times</text>"
    )


def picture(lines: list[str]) -> str:
    """Return the whole drawing."""
    grid = [
        f'<line x1="{LEFT}" x2="{across(simulation.REQUESTS):.1f}" y1="{up(share):.1f}" '
        f'y2="{up(share):.1f}" stroke="#ddd"/>'
        f'<text x="{LEFT - 8}" y="{up(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    grid += [
        f'<text x="{across(requests):.1f}" y="{HEIGHT - BOTTOM + 18}" '
        f'text-anchor="middle">{requests}</text>'
        for requests in range(0, simulation.REQUESTS + 1, 500)
    ]
    caption = "requests to the new version"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
        + "".join(grid)
        + "".join(lines)
        + f'<text x="{(LEFT + across(simulation.REQUESTS)) / 2:.1f}" y="{HEIGHT - 10}" '
        f'text-anchor="middle">{caption}</text></svg>\n'
    )


if __name__ == "__main__":
    main()
