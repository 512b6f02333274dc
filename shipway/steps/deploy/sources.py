"""What a deployment is made from, and by whom: the setting's word, or what fits this machine."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from shipway.errors import Misconfigured
from shipway.formats.figures import count, size
from shipway.values.hosting import CliSource, GitSource

if TYPE_CHECKING:
    from shipway.values.hosting import FoundCli, Source

__all__ = ["Way", "choose_way", "describe"]


class Way(StrEnum):
    """Who makes a deployment, and from what."""

    CLI = "cli"
    PREBUILT = "prebuilt"
    REST = "rest"
    GIT = "git"


def choose_way(wanted: str, *, cli: FoundCli | None, has_org: bool) -> tuple[Way, str]:
    """Return the way that a setting names, or for `auto` the one that fits; and why.

    Args:
        wanted: the setting.
        cli: the Vercel CLI that was found.
        has_org: whether VERCEL_ORG_ID is set: the CLI takes the project's id only with it.

    Raises:
        Misconfigured: an unknown word, or a way that this machine does not have.
    """
    if wanted == "auto":
        return _fitting(cli, has_org=has_org)
    if wanted not in list(Way):
        raise Misconfigured(
            f"deploy_with = '{wanted}' is no way to deploy.",
            unchanged="Nothing was changed.",
            next_step=f"Set deploy_with to one of: auto, {', '.join(Way)}",
        )
    way = Way(wanted)
    if way in {Way.REST, Way.GIT}:
        return way, "deploy_with says so"
    problem = "there is none here" if cli is None else cli.problem
    if cli is None or problem:
        raise Misconfigured(
            f"deploy_with = '{wanted}' wants the Vercel CLI: {problem}.",
            unchanged="Nothing was changed.",
            next_step="Install it in the project (npm install --save-dev --save-exact vercel), or "
            "set deploy_with to rest.",
        )
    doubt = f"; its {cli.doubt}" if cli.doubt else ""
    return way, f"deploy_with says so; {cli.program}{doubt}"


def _fitting(cli: FoundCli | None, *, has_org: bool) -> tuple[Way, str]:
    if cli is None:
        return Way.REST, "there is no Vercel CLI in node_modules or on PATH"
    trouble = cli.problem or cli.doubt
    if trouble:
        return Way.REST, f"{cli.program} is not used: its {trouble}"
    if not has_org:
        return Way.REST, f"{cli.program} is not used: VERCEL_ORG_ID is not set"
    return Way.CLI, f"{cli.program} is the Vercel CLI {cli.version}"


def describe(source: Source) -> str:
    """Return what a deployment is made from, as a phrase."""
    if isinstance(source, GitSource):
        return f"commit {source.sha[:12]} ({source.ref}) of {source.link.repository}"
    if isinstance(source, CliSource):
        how = "what `vercel build` made" if source.prebuilt else "the app's folder"
        return f"{how}, by the Vercel CLI {source.version}"
    return f"{count(len(source.files), 'file')}, {size(source.size_bytes)}, by the REST API"
