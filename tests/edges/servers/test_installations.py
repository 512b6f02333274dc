"""PostgreSQL installations are found wherever they come from, and the likest one is taken."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shipway.edges.machine import process
from shipway.edges.servers.choice import fullest, most_like
from shipway.edges.servers.cluster import Install, install_at, installs, newest
from shipway.errors import Failed, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRIB = ("pg_trgm", "citext", "hstore", "unaccent", "pg_stat_statements", "postgres_fdw")


def _install(version: str, *extensions: str, source: str = "") -> Install:
    folder = Path("/nowhere")
    return Install(
        major=int(version.split(".", maxsplit=1)[0]),
        version=version,
        bin_dir=folder,
        share_dir=folder,
        source=source or version,
        extensions=frozenset(("plpgsql", *extensions)),
    )


OLD = _install("15.20", *CONTRIB, "pgcrypto", "uuid-ossp")
BARE = _install("16.14", "vector")
SAME = _install("17.10", *CONTRIB, "pgcrypto")
BARE_18 = _install("18.4", "vector")
FULL = _install("18.6", *CONTRIB, "vector")
ALL = (OLD, BARE, SAME, BARE_18, FULL)


@pytest.mark.parametrize(
    ("major", "wanted", "taken"),
    [
        (17, (), SAME),
        (15, (), OLD),
        (16, (), BARE),
        (14, (), OLD),
        (17, ("pg_trgm", "citext"), SAME),
        # A newer server that has it rather than a nearer one without.
        (17, ("pg_trgm", "vector"), FULL),
        (16, ("pg_trgm",), SAME),
        (16, ("vector",), BARE),
        (15, ("vector", "citext"), FULL),
        # What none of them has decides nothing.
        (17, ("postgis",), SAME),
        (15, ("postgis", "vector"), BARE),
        # An older server than the target's is none, whatever it has.
        (18, ("pgcrypto",), FULL),
        (18, ("vector",), FULL),
        (19, (), FULL),
        (19, ("pgcrypto", "uuid-ossp"), FULL),
    ],
)
def test_it_is_the_one_that_lacks_fewest_extensions_and_then_the_nearest(
    major: int, wanted: tuple[str, ...], taken: Install
) -> None:
    assert most_like(ALL, major, wanted) is taken
    assert most_like(ALL[::-1], major, wanted) is taken


def test_an_extension_that_is_stood_in_for_leads_to_no_other_major() -> None:
    wanted = ("vector", "pgcrypto", "uuid-ossp")
    assert most_like((SAME, FULL), 17, wanted) is SAME
    assert most_like((SAME, FULL), 17, wanted, stand_ins=("pgcrypto", "uuid-ossp")) is FULL
    # Of one major the real one is taken all the same.
    real = _install("18.3", *CONTRIB, "vector", "pgcrypto")
    assert most_like((real, FULL), 18, wanted, stand_ins=("pgcrypto", "uuid-ossp")) is real


def test_of_equals_the_newest_minor_is_taken() -> None:
    newer = _install("18.10", *CONTRIB, "vector")
    assert most_like((newer, FULL), 18) is newer
    assert fullest((newer, FULL)) is newer


def test_whatever_names_no_version_gets_the_one_that_can_do_most() -> None:
    assert fullest(ALL) is FULL
    # A version that was installed for something else is not better by being newer.
    assert fullest((*ALL, _install("19.1", "pgcrypto"))) is FULL


def test_the_extra_brings_what_hosted_projects_use() -> None:
    wanted = {"vector", "pg_trgm", "citext", "unaccent", "moddatetime", "pg_stat_statements"}
    assert newest().extensions >= wanted
    assert newest().major == 18


def test_installs_say_where_they_come_from_and_what_they_hold() -> None:
    for install in installs():
        assert (install.share_dir / "postgres.bki").is_file()
        assert "plpgsql" in install.extensions
        assert install.source
        assert install.version.startswith(f"{install.major}.")
    assert [one.major for one in installs()] == sorted(one.major for one in installs())


def _asked(code: str, path: str = "/usr/bin:/bin") -> list[str]:
    """Ask a fresh process, whose PATH is its own, what it finds."""
    code = (
        "import sys\n"
        "from shipway.edges.servers.installations import installs, passed_over, bin_dirs\n"
        f"{code}"
    )
    finished = process.run(
        [sys.executable, "-c", code], env={"PATH": path}, cwd=Path.cwd(), deadline_s=60
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.decode().splitlines()


def test_a_postgres_on_path_is_found_through_links(tmp_path: Path) -> None:
    bin_dir = installs()[0].bin_dir
    (tmp_path / "postgres").symlink_to(bin_dir / "postgres")
    code = "print(*(str(one.bin_dir) for one in installs()), sep='\\n')"
    assert _asked(code, path=f"{tmp_path}:/bin").count(str(bin_dir)) == 1


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that the servers' account may enter: pytest's own are closed."""
    made = Path(tempfile.mkdtemp(dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


def _program(path: Path, text: str = "exit 1") -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_an_installation_that_does_not_run_is_passed_over_and_named(folder: Path) -> None:
    _program(folder / "broken" / "postgres")
    _program(folder / "broken" / "initdb", "echo 'no libssl.so' >&2; exit 127")
    _program(folder / "half" / "postgres")
    _program(folder / "closed" / "postgres")
    _program(folder / "closed" / "initdb")
    (folder / "closed" / "initdb").chmod(0o644)
    path = ":".join(str(folder / name) for name in ("broken", "half", "closed"))
    told = _asked(
        "print(len(installs())); print(*passed_over(), sep='\\n')", path=f"{path}:/usr/bin:/bin"
    )
    assert int(told[0]) == len(installs())
    assert len(told) == 4
    for name, line in zip(("broken", "half", "closed"), told[1:], strict=True):
        assert str(folder / name) in line
    assert "no libssl.so" in told[1]


def test_what_does_not_run_says_so_when_it_is_named(folder: Path) -> None:
    with pytest.raises(Misconfigured, match="initdb"):
        install_at(folder / "nothing")
    _program(folder / "broken" / "initdb", "echo 'no libssl.so' >&2; exit 127")
    with pytest.raises(Failed, match=r"does not run: no libssl\.so"):
        install_at(folder / "broken")


def test_without_the_wheels_the_systems_are_left_or_the_cure_is_named() -> None:
    code = (
        "from shipway.edges.servers.wheels import PACKAGES\n"
        "sys.modules.update(dict.fromkeys(PACKAGES))\n"
        "try: print(*(one.source for one in installs()), sep='\\n')\n"
        "except Exception as error: print(type(error).__name__, error.next_step)"
    )
    systems = [one.source for one in installs() if one.source.startswith("/")]
    cure = "Misconfigured Install it with: pip install 'shipway[sandbox]'"
    assert _asked(code) == (systems or [cure])
