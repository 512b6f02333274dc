"""Fills the templates: every text is escaped, and no secret passes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from markupsafe import Markup, escape

from shipway import __version__
from shipway.formats.figures import count, duration, moment, size
from shipway.formats.visible import visible
from shipway.report.page.board import Board, take_board
from shipway.report.page.charts import locks, plot, timeline
from shipway.report.page.parts import take_apart
from shipway.report.page.way_back import ways_back
from shipway.report.words import summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2.runtime import Context

    from shipway.report.hide import Hide
    from shipway.report.page.chain import Chain
    from shipway.steps.release.record import ReleaseRecord

__all__ = ["board_page", "release_page"]

_FEW = 0.1
_TEMPLATES = Path(__file__).parent / "templates"


def release_page(record: ReleaseRecord, chain: Chain, *, hide: Hide) -> str:
    """Return the page of one release.

    Args:
        record: of the release.
        chain: its journal.
        hide: takes secrets out of each text before it is escaped.
    """
    parts = take_apart(record)
    return _fill(
        "release.html",
        hide,
        record=record,
        parts=parts,
        chain=chain,
        timeline=timeline(record),
        locks=locks(parts.seal) if parts.seal else [],
        plot=plot(parts.watched) if parts.watched else None,
        ways=ways_back(record, parts),
    )


def board_page(records: Sequence[ReleaseRecord], *, unreadable: Sequence[str], hide: Hide) -> str:
    """Return the page of all releases.

    Args:
        records: newest first.
        unreadable: names of folders whose record cannot be read.
        hide: takes secrets out of each text before it is escaped.
    """
    board: Board = take_board(records)
    return _fill("board.html", hide, board=board, unreadable=unreadable)


def _fill(template: str, hide: Hide, **values: object) -> str:
    page = _environment().get_template(template)
    return visible(page.render(hide=hide, version=__version__, **values))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    environment.filters |= {
        "count": count,
        "duration": lambda seconds: duration(seconds).replace(" ", "\N{NO-BREAK SPACE}"),
        "moment": moment,
        "size": size,
        "link": _link,
        "clock": lambda at: f"{at:%H:%M:%S}",
        "day": lambda at: f"{at.day} {at:%b %Y}",
        "percent": _percent,
        "first_line": lambda text: str(text).strip().split("\n", 1)[0],
        "cut": _cut,
    }
    environment.globals["summary"] = lambda proof: summary(proof) if proof is not None else ""
    environment.globals["style"] = Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    return environment


@pass_context
def _finalize(context: Context, value: Any) -> Any:
    """Take the secrets out of what a template shows; it is escaped after that."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return context["hide"](value)
    return value


@pass_context
def _link(context: Context, address: str) -> Markup:
    """Return an address as a link when it leads to the web, else as text."""
    text = escape(context["hide"](address))
    if not address.startswith(("https://", "http://")):
        return text
    return Markup('<a href="{0}" rel="noreferrer">{0}</a>').format(text)


def _cut(text: str, most: int) -> str:
    """Return a text on one line, its end left out when it is long."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[:most] + "…"


def _percent(share: float) -> str:
    """Return a share with as many digits as it needs: `2%`, `0.4%`."""
    return f"{share * 100:.2g}%" if share < _FEW else f"{share * 100:.0f}%"
