"""Unpacks a source archive, as the CLI's `--archive=tgz` uploads the app in parts."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shipway.sandbox.state import Blobs

_PREFIX = ".vercel/source.tgz"


def unpack(files: list[dict[str, Any]], blobs: Blobs) -> list[dict[str, Any]]:
    """Return the files, with the members of an archive among them in place of its parts.

    Raises:
        tarfile.TarError, zlib.error, EOFError, OSError, ValueError: the parts are no archive.
    """
    parts = sorted(
        (one for one in files if one["file"].startswith(_PREFIX)),
        key=lambda one: int(one["file"].rpartition(".part")[2] or 0),
    )
    if not parts:
        return files
    whole = b"".join(blobs.path(one["sha"]).read_bytes() for one in parts)
    return [one for one in files if one not in parts] + members(whole, blobs)


def members(archive_bytes: bytes, blobs: Blobs) -> list[dict[str, Any]]:
    """Return the files of a gzipped tar archive, their content kept; errors as in `unpack`."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(archive_bytes), mode="r:gz") as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is None:
                continue
            content = stream.read()
            sha = hashlib.sha1(content, usedforsecurity=False).hexdigest()
            # Nothing is unpacked to a path: a member's name is only a name here.
            blobs.put(sha, content)
            found.append({"file": member.name.removeprefix("./"), "sha": sha})
    return found
