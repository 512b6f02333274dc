"""What a deployment is made from: files of the request, a commit, or an earlier deployment."""

from __future__ import annotations

import base64
import hashlib
import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shipway.edges.team.git import git
from shipway.sandbox.vercel.archive import members, unpack
from shipway.sandbox.vercel.views import error, not_found

if TYPE_CHECKING:
    from shipway.sandbox.state import Blobs
    from shipway.sandbox.vercel.world import World
    from shipway.sandbox.wire import Response

_NAMES_OF_A_REPOSITORY = ("type", "repoId", "projectId", "repoUuid", "workspaceUuid")


class Sources:
    """Finds the files that a request for a deployment speaks of."""

    def __init__(self, world: World, blobs: Blobs) -> None:
        self._world = world
        self._blobs = blobs

    def files(self, asked: dict[str, Any], data: dict[str, Any]) -> list[dict[str, Any]] | Response:
        """Return name and sha1 of each file, keeping those whose content came along."""
        if "gitSource" in asked:
            return self._of_commit(asked["gitSource"])
        if "files" not in asked:
            old = self._world.find(data, asked["deploymentId"])
            return not_found("Deployment") if old is None else list(old["files"])
        files = []
        missing = []
        for given in asked["files"]:
            sha = given.get("sha")
            if sha is None:
                text = given.get("data", "")
                encoded = given.get("encoding") == "base64"
                content = base64.b64decode(text) if encoded else text.encode()
                sha = hashlib.sha1(content, usedforsecurity=False).hexdigest()
                self._blobs.put(sha, content)
            elif not self._blobs.has(sha):
                missing.append(sha)
            files.append({"file": given["file"], "sha": sha})
        if missing:
            return error(400, "missing_files", "Missing files", missing=sorted(set(missing)))
        try:
            return unpack(files, self._blobs)
        except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError):
            return error(400, "bad_request", "The source archive cannot be read")

    def _of_commit(self, asked: dict[str, Any]) -> list[dict[str, Any]] | Response:
        """Fetch a commit from the clone that stands for the git provider."""
        link, folder = self._world.setting("git_link"), self._world.setting("git_folder")
        linked = link or {}
        ours = linked | {"repoUuid": linked.get("uuid")}
        fits = all(asked.get(name) == ours.get(name) for name in _NAMES_OF_A_REPOSITORY)
        if not link or not folder or not fits:
            return error(400, "incorrect_git_source_info", "The repository cannot be found")
        commit = str(asked.get("sha") or asked.get("ref") or "")
        found = git(Path(folder), "archive", "--format=tar.gz", commit, "--")
        if found.returncode != 0:
            return error(400, "incorrect_git_source_info", "The commit cannot be found")
        return members(found.stdout, self._blobs)
