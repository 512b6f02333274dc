"""What the app is deployed from: its folder, the project's Vercel CLI, or a commit."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING

from shipway.edges.vercel.app_files import app_files
from shipway.edges.vercel.cli import find_cli
from shipway.edges.vercel.commits import git_source
from shipway.steps.deploy.sources import Way, choose_way
from shipway.values.hosting import CliSource, FilesSource, GitSource

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.settings import Settings
    from shipway.values.hosting import AppFile, FoundCli, GitLink, Source

__all__ = ["SourceWiring"]


class SourceWiring:
    """What commands ask of the app before it is deployed."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @property
    def folder(self) -> Path:
        """The folder of the app."""
        return self._settings.under_root(self._settings.app_dir)

    @cached_property
    def _cli(self) -> FoundCli | None:
        """The project's Vercel CLI."""
        return find_cli((self.folder, self._settings.root))

    @property
    def way(self) -> tuple[Way, str]:
        """Who makes deployments, and why so."""
        wanted = self._settings.deploy_with
        has_org = self._settings.vercel_org_id is not None
        cli = None if wanted in {Way.REST, Way.GIT} else self._cli
        return choose_way(wanted, cli=cli, has_org=has_org)

    def files(self) -> tuple[AppFile, ...]:
        """Return the files that are uploaded when the CLI does not do it."""
        return app_files(self.folder)

    def made_of(self, source: Source) -> str:
        """Return what names a source's content: the commit, or a digest over the app's files."""
        if isinstance(source, GitSource):
            return source.sha
        digest = hashlib.sha256()
        for one in self.files():
            digest.update(f"{one.sha1} {one.name}\n".encode())
        return digest.hexdigest()

    def chosen(self, link: GitLink | None) -> tuple[Source, str]:
        """Return what is deployed and by whom, and why so.

        Args:
            link: the repository that the project is connected to.
        """
        way, why = self.way
        if way is Way.GIT:
            return git_source(self.folder, link), why
        if way is Way.REST or self._cli is None:
            return FilesSource(files=self.files()), why
        source = CliSource(
            program=self._cli.program,
            version=self._cli.version,
            folder=self.folder,
            prebuilt=way is Way.PREBUILT,
        )
        return source, why
