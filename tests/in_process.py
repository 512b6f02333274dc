"""Runs the whole program in this interpreter: many commands for the price of one start."""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING

from invoke.program import Program

from shipway.tasks import namespace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["run_here"]


def run_here(root: Path, environ: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """Run `invoke ...` in a folder and an environment; return exit code, stdout and stderr.

    Invoke's own parser and our own session run as they do for a user; the environment, the
    working folder and the two streams are the process's, and are put back.
    """
    out, err = io.StringIO(), io.StringIO()
    code = 0
    with (
        _environment(environ),
        contextlib.chdir(root),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            Program(namespace=namespace, name="invoke").run(["invoke", *arguments])
        except SystemExit as end:
            code = int(end.code or 0)
    return code, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def _environment(environ: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
