"""New clusters by copying: initdb runs once for each PostgreSQL, what it made is kept.

A rehearsal wants a new cluster in every release; initdb takes most of a second, a copy a tenth.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shipway.edges.machine import process
from shipway.edges.servers.account import FOR_ROOT
from shipway.errors import Failed

if TYPE_CHECKING:
    from shipway.edges.servers.install import Install
    from shipway.values.basics import Secret

__all__ = ["new_cluster"]

_DEADLINE_S: Final = 60.0
_OPTIONS: Final = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
    # A new cluster is mostly its first WAL segment: 16 times smaller, it is copied faster.
    "--wal-segsize=1",
)


def new_cluster(
    install: Install, into: Path, *, superuser: str, password: Secret, user: str | None
) -> None:
    """Make the data directory `into`, of a cluster that lets nobody in without a password.

    Args:
        install: the PostgreSQL that the cluster is for.
        into: a path that does not exist yet, in a folder that `user` may write to.
        superuser: the cluster's only role.
        password: the role's.
        user: the account that the server will run as; None for our own.

    Raises:
        Failed: a program of PostgreSQL did not succeed; `into` may hold a part then.
    """
    try:
        kept = _template(install, superuser, user)
    except OSError:
        # An account without a home that it can write to, as services have.
        _initdb(install, into, superuser=superuser, user=user)
    else:
        _run(["cp", "-Rp", kept, into], user)
    # No server runs on it yet: the password never travels, not even hashed.
    role, literal = superuser.replace('"', '""'), password.reveal().replace("'", "''")
    _run(
        [install.bin_dir / "postgres", "--single", "-D", into, "postgres"],
        user,
        stdin=f"alter role \"{role}\" password '{literal}'\n",
    )


def _template(install: Install, superuser: str, user: str | None) -> Path:
    """Return where the untouched cluster lies; it is made if it is not there yet."""
    home = FOR_ROOT if user else Path.home() / ".cache" / "shipway"
    # Two builds of one version need not agree: their collations differ, for one.
    made_by = hashlib.sha256(" ".join((install.source, *_OPTIONS)).encode()).hexdigest()[:8]
    kept = home / "pristine" / f"{install.version}-{superuser}-{made_by}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    if not kept.exists():
        # Filled beside and moved: it exists whole or not at all, whoever else makes it just now.
        with tempfile.TemporaryDirectory(prefix="new-", dir=kept.parent) as scratch:
            if user is not None:
                shutil.chown(scratch, user)
            _initdb(install, Path(scratch) / "data", superuser=superuser, user=user)
            with suppress(OSError):  # another process was faster; what it made is as good
                (Path(scratch) / "data").rename(kept)
    return kept


def _initdb(install: Install, into: Path, *, superuser: str, user: str | None) -> None:
    # Nobody knows this password; it is there because initdb wants one.
    with tempfile.NamedTemporaryFile("w", dir=into.parent, prefix="password-") as password:
        password.write(secrets.token_urlsafe(24))
        password.flush()
        if user is not None:
            shutil.chown(password.name, user)
        options = (f"--pgdata={into}", f"--username={superuser}", f"--pwfile={password.name}")
        _run([install.bin_dir / "initdb", *_OPTIONS, *options], user)


def _run(argv: list[str | Path], user: str | None, *, stdin: str = "") -> None:
    finished = process.run(argv, deadline_s=_DEADLINE_S, user=user, stdin=stdin.encode())
    if finished.returncode != 0:
        raise Failed(
            f"{Path(argv[0]).name} failed: {finished.stderr.strip() or finished.returncode}",
            unchanged="No cluster was made.",
            next_step=f"Look at the free space and the rights of {argv[-1]}.",
        )
