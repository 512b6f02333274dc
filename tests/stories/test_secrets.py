"""No secret is seen anywhere: every task, every failure, all output, files and processes."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from shipway.settings import Settings
from shipway.tasks import namespace
from tests.fixtures.in_process import run_here
from tests.stories.conftest import clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from shipway.values.basics import Secret
    from tests.stories.conftest import Project

# What each task needs beside --target; those that work on no target are told so.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "db.new": ("--name", "canary"),
    "db.restore": ("--backup", "none"),
    "db.rollback": ("--to", "0"),
    "deploy.promote": ("--deployment", "dpl_none"),
    "logs.tail": ("--window", "0.1"),
    "logs.watch": ("--window", "0.1"),
    "release.run": ("--without-rehearsal", "told elsewhere"),
}
NO_TARGET = {"init", "db.new", "sandbox.up", "sandbox.down", "sandbox.reset", "sandbox.status"}
# They would stop or start servers of this machine, not fail; `sandbox.up` fails below.
NOT_HERE = {"sandbox.up", "sandbox.reset", "db.shell"}
ASKS = {"backup.prune", "db.adopt", "db.migrate", "db.restore", "db.rollback", "deploy.promote",
        "deploy.rollback", "deploy.run", "release.approve", "release.run"}  # fmt: skip
TASKS = sorted(set(namespace.task_names) - NOT_HERE)
ONLINE = [one for one in TASKS if one.split(".")[0] in {"deploy", "logs", "release"}]
WAIVED = ("--waive", "approval=none here", "--waive", "ci=none here")
MAY_KNOW = {"pg_dump": {"PGPASSWORD"}, "pg_restore": {"PGPASSWORD"}, "psql": {"PGPASSWORD"},
            "vercel": {"VERCEL_TOKEN"}}  # fmt: skip
"""The variables in which a program may find a secret: those without which it cannot work."""


@dataclass
class Started:
    """Every program that this process has started, as the interpreter itself announces it."""

    programs: list[tuple[list[str], dict[str, str]]] = field(default_factory=list)
    listens: bool = False

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.listens and event == "subprocess.Popen":
            _, argv, _, env = arguments
            self.programs.append(([os.fsdecode(one) for one in argv], dict(env or os.environ)))


STARTED = Started()
sys.addaudithook(STARTED.hook)  # it stays for the life of the process, and listens when told to


@dataclass
class Canaries:
    """Texts that must not turn up, in every form that a text takes on its way."""

    texts: set[str] = field(default_factory=set)

    def plant(self, secret: str) -> str:
        """Remember a secret, and the parts of an address that are secret by themselves."""
        parts = urlsplit(secret)
        found = {secret, parts.password or "", parts.path if secret.startswith("http") else ""}
        for text in {one for one in found if len(one) > 8}:
            self.texts |= {text, quote(text, safe=""), repr(text)[1:-1], json.dumps(text)[1:-1]}
            self.texts.add(b64encode(text.encode()).decode().rstrip("="))
        return secret

    def seen_in(self, text: str) -> list[str]:
        return [one for one in self.texts if one in text]


@pytest.fixture
def watched(project: Project, tmp_path: Path) -> Iterator[tuple[Project, Canaries]]:
    """A project in which every secret setting is planted, and every program is noted."""
    canaries = Canaries()
    names = {
        one.metadata.get("env", f"SHIPWAY_{one.name.upper()}")
        for one in Settings.__dataclass_fields__.values()
        if "help" in one.metadata and "Secret" in str(one.type)
    }
    facts = project.standins
    real = {
        "DATABASE_URL": project.env("DATABASE_URL"),
        "VERCEL_TOKEN": facts["vercel_token"],
        "VERCEL_AUTOMATION_BYPASS_SECRET": facts["vercel_bypass_secret"],
        "SUPABASE_ACCESS_TOKEN": facts["supabase_access_token"],
        "SUPABASE_SECRET_KEY": facts["supabase_secret_key"],
        "GITHUB_TOKEN": facts["github_token"],
        "SLACK_WEBHOOK_URL": facts["slack_webhook_url"],
        "NOTIFY_WEBHOOK_URL": facts["notify_webhook_url"],
        "SHIPWAY_REHEARSE_ON": "postgresql://nobody:canary-of-nobody@127.0.0.1:1/postgres",
    }
    for name in names:
        canaries.plant(real.setdefault(name, f'canary "{name}" \\ä/é+='))
    (project.root / "shipway.toml").write_text(
        'app_dir = "app"\nprotected_targets = ["sandbox"]\nnotify_command = "./tell"\n'
        'approvers = ["nobody"]\nreview_stops_at = "never"\n'
    )
    # Told of a release, it writes down what it can find out about itself, us and what we started.
    program = project.root / "tell"
    program.write_text(
        "#!/bin/sh\n"
        "for one in self $PPID $(cat /proc/$PPID/task/*/children); do\n"
        f'cat /proc/$one/cmdline | tr "\\0" "\\n" >> "{tmp_path}/processes.txt"\n'
        "done\n"
        f'tr "\\0" "\\n" < /proc/self/environ >> "{tmp_path}/processes.txt"\n'
    )
    program.chmod(0o755)
    project.environ |= real | {
        "GITHUB_API_URL": facts["github_api_url"],
        "GITHUB_REPOSITORY": facts["github_repository"],
        "SHIPWAY_BACKUP_BUCKET": "backups",
    }
    project.github.reset()
    project.team.reset()
    STARTED.programs.clear()
    STARTED.listens = True
    yield project, canaries
    STARTED.listens = False


def line(task: str, *more: str) -> list[str]:
    arguments = [task, *ARGUMENTS.get(task, ())]
    arguments += [] if task in NO_TARGET else ["--target", "sandbox"]
    return [*arguments, *(["--yes"] if task in ASKS else []), *more]


class Drive:
    """Runs tasks and looks for canaries in all that they say."""

    def __init__(
        self, project: Project, canaries: Canaries, capfd: pytest.CaptureFixture[str]
    ) -> None:
        self.project = project
        self.canaries = canaries
        self.capfd = capfd
        self.codes: dict[str, int] = {}

    def run(self, *arguments: str, **environ: str) -> str:
        """Run a command; return all that was said, through Python's streams or past them."""
        code, out, err = run_here(
            self.project.root, clean_environment() | self.project.environ | environ, *arguments
        )
        past = self.capfd.readouterr()
        said = f"{out}\n{err}\n{past.out}\n{past.err}"
        assert self.canaries.seen_in(said) == [], f"{arguments}: {said}"
        assert "Traceback" not in said, f"{arguments}: {said}"
        self.codes[" ".join(arguments)] = code
        for made in (self.project.root / "migrations").glob("*_canary.*"):
            made.unlink()  # by db.new: an empty file stops all others
        return said

    def run_all(self, tasks: Iterable[str], *more: str, **environ: str) -> None:
        """Run tasks, each with what it needs."""
        for task in tasks:
            self.run(*line(task, *(WAIVED if task == "release.run" else ()), *more), **environ)

    @contextlib.contextmanager
    def failing(self, what: str, **details: Any) -> Iterator[None]:
        """Let every API fail in the same way."""
        controls = (self.project.vercel, self.project.supabase, self.project.github,
                    self.project.team)  # fmt: skip
        for control in controls:
            control.fault(what, times=None, **details)
        yield
        for control in controls:
            control.clear()


def leaking_files(root: Path, canaries: Canaries) -> list[str]:
    """Return the files below the project that hold a secret, but for those made to hold them."""
    kept = {root / ".env.sandbox", root / ".shipway" / "sandbox" / "standins.json"}
    return [
        f"{path}: {found}"
        for path in root.rglob("*")
        if path.is_file() and path not in kept and ".git" not in path.parts
        if (found := canaries.seen_in(path.read_bytes().decode("utf-8", "replace")))
    ]


def leaking_programs(canaries: Canaries) -> list[str]:
    """Return the programs that were given a secret that they have no need of."""
    found = []
    for argv, env in STARTED.programs:
        allowed = MAY_KNOW.get(Path(argv[0]).name, set())
        found += [f"{argv}" for one in argv if canaries.seen_in(one)]
        found += [
            f"{name} of {argv}"
            for name, text in env.items()
            if name not in allowed and canaries.seen_in(text)
        ]
    return found


@pytest.mark.timeout(300)
def test_every_task_keeps_every_secret_in_every_failure(
    watched: tuple[Project, Canaries], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    project, canaries = watched
    drive = Drive(project, canaries, capfd)

    # A whole release with the logs of every library, and all other tasks, as they should go.
    with root_logging():
        said = drive.run("--debug", *line("release.run", *WAIVED))
    assert set(drive.codes.values()) == {0}, said
    drive.run_all(TASKS, "--format", "json")

    # The database refuses the password; the URL is none, in the ways that people get it wrong.
    drive.run_all(TASKS, DATABASE_URL=canaries.plant("postgresql://u:canary-no-1@127.0.0.1:1/d"))
    for url in (
        project.env("DATABASE_URL").replace("a%20p%40ss", "canary-no-2"),
        "postgresql://postgres:canary/no@3@127.0.0.1:5432/postgres",
        "postgresql://postgres:no%canary-4@127.0.0.1/postgres",
        "host=127.0.0.1 password=canary-no-5",
    ):
        drive.run_all(["db.status"], DATABASE_URL=canaries.plant(url))

    # Every API answers with an error that repeats the tokens, or with what is no JSON.
    tokens = "; ".join(text for name, text in project.environ.items() if "TOKEN" in name)
    body = {"error": {"code": "forbidden", "message": f"not for {tokens}"}, "message": tokens}
    with drive.failing("status", status=401, body=body):
        drive.run_all([*ONLINE, "db.verify"])
    with drive.failing("status", status=500, body=body):
        drive.run_all(["deploy.status"])
    with drive.failing("invalid_json"):
        drive.run_all(["doctor"])

    # Every secret but the URL is ill-formed: spaces, line ends, characters that no header takes.
    broken = {
        name: canaries.plant(f"broken canary\tof\n{name} é")
        for name in project.environ
        if any(word in name for word in ("TOKEN", "SECRET", "KEY", "WEBHOOK"))
    }
    drive.run_all(["doctor", "deploy.run"], **broken)

    # Nothing can be written; nothing shall be done.
    drive.run_all(["sandbox.up"], SHIPWAY_STATE_DIR="tasks.py")
    drive.run("--dry", *line("release.run", *WAIVED))

    assert {0, 1, 2, 3} <= set(drive.codes.values())
    assert leaking_files(project.root, canaries) == []
    assert leaking_programs(canaries) == []
    assert {Path(argv[0]).name for argv, _ in STARTED.programs} >= {"pg_dump", "git", "tell"}
    seen = (tmp_path / "processes.txt").read_text(errors="replace")
    assert "SHIPWAY_NOTICE=" in seen
    assert canaries.seen_in(seen) == []


def test_no_row_is_kept_unless_that_is_asked(
    project: Project, capfd: pytest.CaptureFixture[str]
) -> None:
    drive = Drive(project, Canaries(), capfd)
    project.execute("create table public.visitor (mail text not null, age text)")
    project.execute("insert into public.visitor values ('ada@canary.example', 'canary years')")
    project.execute("insert into public.visitor values ('ada@canary.example', null)")
    for task, sql in (
        ("release.run", "alter table visitor add unique (mail);"),
        ("db.migrate", "insert into visitor select null, age from visitor;"),
        ("db.migrate", "alter table visitor alter age type int using age::int;"),
        ("db.migrate", "select mail::date from visitor;"),
    ):
        (project.root / "migrations" / "008_visitor.sql").write_text(sql)
        said = drive.run(*line(task))
        assert "rows: what the database quotes of them is left out (show_rows)" in said
        assert "canary" not in said
    kept = [path for path in project.records()[0].parent.rglob("*") if path.is_file()]
    texts = [path.read_text(encoding="utf-8") for path in kept]
    assert len(texts) >= 4
    assert not [text for text in texts if "canary" in text]

    (project.root / "migrations" / "008_visitor.sql").write_text(
        "alter table visitor add unique (mail);"
    )
    asked = drive.run(*line("release.run"), SHIPWAY_SHOW_ROWS="true")
    assert "rows: Detail: Key (mail)=(ada@canary.example) is duplicated." in asked
    record = json.loads((project.records()[-1] / "release.json").read_text())
    assert record["error"].endswith("Key (mail)=(ada@canary.example) is duplicated.")


@contextlib.contextmanager
def root_logging() -> Iterator[None]:
    """Let `--debug` find a logger as in a fresh process, and put it back after it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = before
        root.setLevel(level)


# What a database can hold that nobody outside of it should read; all of it is called canary.
HOLDS = """
create foreign data wrapper elsewhere;
create server billing foreign data wrapper elsewhere options (host 'h', pw 'canary of server');
grant usage on foreign server billing to postgres;
create user mapping for postgres server billing options (user 'x', password 'canary of mapping');
create schema vault_of_ours authorization postgres;
set role postgres;
create table vault_of_ours.secrets (name text primary key, secret text);
insert into vault_of_ours.secrets values ('api', 'canary of vault');
create table public.visitor (mail text primary key, age text, note jsonb);
alter table public.visitor enable row level security;
create policy closed on public.visitor to authenticated using (mail = 'canary of policy');
grant select on public.visitor to authenticated;
insert into public.visitor values ('ada@canary.example', 'canary years', '{"a": "canary"}');
comment on table public.visitor is 'canary of comment';
create function public.loud(m text) returns text language plpgsql set search_path = '' as $$
begin
    raise exception 'canary of body: %', m;
end $$;
revoke execute on function public.loud from public;
"""
A_MAIL = "do $$ declare m text; begin select mail into m from visitor;"
# Files that fail on the rows, and notices that tell of them.
FAILING = [
    "insert into visitor select mail from visitor;",
    "alter table visitor alter age type int using age::int;",
    "select mail::regclass from visitor;",
    "select public.loud(mail) from visitor;",
    "create user mapping for anon server billing options (password 'canary of file');",
    f"{A_MAIL} execute 'insert into visitor values (' || quote_literal(m) || ')'; end $$;",
    f"{A_MAIL} raise notice 'found %', m; raise exception 'no more of %', m; end $$;",
    "insert into nowhere select secret from vault_of_ours.secrets;",
    "copy visitor (mail, note) from stdin;\neve@canary.example\tcanary\n\\.\n",
]


def test_what_the_database_holds_is_in_no_output_page_record_or_journal(
    project: Project, admin_url: Secret, capfd: pytest.CaptureFixture[str]
) -> None:
    canaries = Canaries(texts={"canary"})
    drive = Drive(project, canaries, capfd)
    files = project.root / "migrations"
    with psycopg.connect(admin_url.reveal(), autocommit=True) as connection:
        connection.execute(HOLDS.encode())
    drive.run(*line("backup.take"))

    for number, sql in enumerate(FAILING, 8):
        name = files / f"{number:03}_failing.sql"
        name.write_text(sql, encoding="utf-8")
        drive.codes.clear()
        drive.run(*line("db.rehearse"))
        drive.run(*line("db.migrate"))
        drive.run(*line("db.migrate", "--format", "json"))
        drive.run(*line("release.run"))
        assert set(drive.codes.values()) == {4}, sql
        name.unlink()
    drive.run(*line("db.verify", "--format", "json"))
    drive.run(*line("db.diff"))

    # A backup that restores with errors, and one that is put in the place of what is there.
    project.execute(
        "create function public.known(m text) returns boolean language sql as "
        "$$ select exists (select from vault_of_ours.secrets where secret like '%' || 'canary%' "
        "and m <> '') $$; alter table public.visitor add check (public.known(mail))"
    )
    drive.run(*line("db.rehearse", "--format", "json"))
    drive.run(*line("release.run"))
    backup = max((project.root / ".shipway" / "backups").iterdir()).name
    restore = ("db.restore", "--backup", backup, "--target", "sandbox", "--yes")
    drive.run(*restore)
    drive.run(*restore, "--into", "sandbox")

    kept = [one for one in leaking_files(project.root, canaries) if "/backups/" not in one]
    assert kept == []
    journal = "select count(*) from shipway.journal j where j::text like '%canary%'"
    assert project.rows(journal) == [(0,)]
    assert project.rows("select count(*) > 0 from shipway.journal") == [(True,)]
