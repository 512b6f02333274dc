"""The Vercel CLI: found by its path, asked for its version, and told to deploy staged."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shipway.edges.machine import process
from shipway.errors import Failed, Misconfigured
from shipway.values.hosting import FoundCli

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from shipway.values.basics import Secret
    from shipway.values.hosting import CliSource

__all__ = ["OLDEST", "TRIED", "VercelCli", "find_cli"]

OLDEST = 64
"""The first major version whose flags and answers shipway was tried with."""
TRIED = 64
"""The last one. Majors come every few weeks, and change what commands print."""
_VERSION_S = 20.0
_DEPLOY_S = 900.0
"""For the upload alone: the build is waited for by REST."""
_KEPT_LINES = 10
_VERSION = re.compile(r"^(?:Vercel CLI )?(\d+)(\.\d+\.\d+\S*)", re.MULTILINE)
_NETWORK = (
    *("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"),
    "NODE_EXTRA_CA_CERTS",
)
"""What Node needs of our environment where the network wants a proxy."""
_NO_CHATTER = {"VERCEL_TELEMETRY_DISABLED": "1", "NO_UPDATE_NOTIFIER": "1"}


def find_cli(folders: Iterable[Path]) -> FoundCli | None:
    """Return the project's own CLI, else the one on PATH; None when there is none.

    Args:
        folders: that may hold `node_modules`, nearest first.
    """
    for folder in folders:
        program = folder / "node_modules" / ".bin" / "vercel"
        if os.access(program, os.X_OK):
            return _look_at(program.absolute())
    on_path = shutil.which("vercel")
    return _look_at(Path(on_path).absolute()) if on_path else None


def _look_at(program: Path) -> FoundCli:
    if _is_python(program):
        # PyPI's package `vercel` installs a script of this name, which runs `npx vercel`,
        # whatever version that is today, and hides the real one in a virtual environment.
        return FoundCli(
            program=program, version="", problem="name is all it has of the CLI: it is Python's"
        )
    try:
        said = process.run([program, "--version"], env=_NO_CHATTER, deadline_s=_VERSION_S)
    except (Misconfigured, process.DeadlinePassed) as error:
        return FoundCli(program=program, version="", problem=f"version cannot be had: {error.what}")
    found = _VERSION.search(said.stdout.decode("utf-8", "replace") + said.stderr)
    if said.returncode != 0 or found is None:
        return FoundCli(program=program, version="", problem="version is not told by it")
    version = found[1] + found[2]
    problem = f"version {version} is older than {OLDEST}" if int(found[1]) < OLDEST else ""
    doubt = f"version {version} is newer than {TRIED}, the last one that shipway was tried with"
    return FoundCli(
        program=program,
        version=version,
        problem=problem,
        doubt=doubt if int(found[1]) > TRIED else "",
    )


def _is_python(program: Path) -> bool:
    try:
        with program.open("rb") as file:
            return b"python" in file.readline(200)
    except OSError:
        return False


class VercelCli:
    """Deploys by the CLI. It is asked for nothing but the upload: REST waits, promotes and proves.

    Args:
        token: goes into its environment, never into its arguments.
        project_id: with `org_id` it spares the folder `.vercel` that `vercel link` makes.
        org_id: the team, or the person.
        api_url: another API than Vercel's own; None for that.
    """

    def __init__(
        self, *, token: Secret, project_id: str, org_id: str | None, api_url: str | None
    ) -> None:
        self._token = token
        self._project_id = project_id
        self._org_id = org_id
        self._api_url = api_url

    def deploy(self, source: CliSource, meta: Mapping[str, str]) -> str | None:
        """Upload the app and start a staged production build.

        Returns:
            The deployment's id; None when the CLI did not tell it, so that it may exist.

        Raises:
            Failed: the CLI refused or failed before it had an id.
        """
        if self._org_id is None:
            raise Misconfigured(
                "VERCEL_ORG_ID is not set: the Vercel CLI takes VERCEL_PROJECT_ID only with it.",
                unchanged="No deployment was created.",
                next_step="Set VERCEL_ORG_ID (`vercel link` writes it to .vercel/project.json).",
            )
        env: dict[str, str | Secret] = {
            "VERCEL_TOKEN": self._token,
            "VERCEL_ORG_ID": self._org_id,
            "VERCEL_PROJECT_ID": self._project_id,
            **_NO_CHATTER,
        }
        argv: list[str | Path] = [source.program, *self._arguments(source, meta)]
        try:
            ended = process.run(
                argv,
                env=env,
                cwd=source.folder,
                deadline_s=_DEPLOY_S,
                # A proxy of the environment must not stand between us and our own sandbox.
                inherit=() if self._api_url else _NETWORK,
            )
        except process.DeadlinePassed:
            return None
        said = _document(ended.stdout)
        made = said.get("id")
        if isinstance(made, str) and made:
            return made
        if ended.returncode == 0:
            return None
        raise Failed(
            "\n".join([f"The Vercel CLI {source.version} did not deploy:", *_reasons(said, ended)]),
            unchanged="Nothing was promoted.",
            next_step='Mend what it names, or deploy without it: deploy_with = "rest".',
        )

    def _arguments(self, source: CliSource, meta: Mapping[str, str]) -> list[str]:
        arguments = ["deploy", "--prod", "--skip-domain", "--no-wait", "--yes"]
        # Without the last two the answer's form depends on who seems to call.
        arguments += ["--force", "--with-cache", "--json", "--non-interactive=false"]
        if source.prebuilt:
            arguments.append("--prebuilt")
        for name, value in meta.items():
            arguments += ["--meta", f"{name}={value}"]
        return [*arguments, "--api", self._api_url] if self._api_url else arguments


def _document(stdout: bytes) -> dict[str, Any]:
    try:
        found = json.loads(stdout)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _reasons(said: dict[str, Any], ended: process.Finished) -> list[str]:
    error = said.get("error")
    told = error.get("message") if isinstance(error, dict) else None
    if isinstance(told, str) and told:
        return [f"  {told}"]
    lines = [line.rstrip() for line in ended.stderr.splitlines() if line.strip()]
    return [f"  {line}" for line in lines[-_KEPT_LINES:]] or [f"  it ended with {ended.returncode}"]
