"""What `init` finds in a project, what it plans, and that it never writes over anything."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from shipway.environment import load
from shipway.settings import Settings, describe, policies, where_to_get
from shipway.starter.looking import look_at
from shipway.starter.own_tasks import TAKEN
from shipway.starter.planning import plan_start
from shipway.starter.settings_file import settings_file
from shipway.starter.writing import write_start
from shipway.tasks import namespace
from shipway.values.basics import Plainly
from shipway.values.starting import Fate

ROOT = Path(__file__).parents[2]


def start(root: Path) -> tuple[str, ...]:
    return write_start(plan_start(look_at(root)), say=Plainly())


def contents(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def migration(root: Path, path: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("select 1;\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "folder", "tool"),
    [
        ("supabase/migrations/20240501120000_people.sql", "supabase/migrations", "Supabase CLI"),
        ("prisma/migrations/20240501120000_init/migration.sql", "prisma/migrations", "Prisma"),
        ("core/migrations/001_people.sql", "core/migrations", ""),
        ("db/migrations/001_people.sql", "db/migrations", ""),
    ],
)
def test_a_history_is_found_where_its_tool_keeps_it(
    tmp_path: Path, path: str, folder: str, tool: str
) -> None:
    migration(tmp_path, path)
    (found,) = look_at(tmp_path).histories
    assert (found.folder, found.tool, found.count) == (folder, tool, 1)
    start(tmp_path)
    settings = load("", root=tmp_path, environ={})
    assert settings.migrations_dir == Path(folder)
    assert folder in (tmp_path / ".github/workflows/shipway.yml").read_text()


def test_an_app_is_known_from_an_empty_folder(tmp_path: Path) -> None:
    assert look_at(tmp_path).empty
    (tmp_path / "package.json").write_text(json.dumps({"dependencies": {"next": "16"}}))
    found = look_at(tmp_path)
    assert (found.empty, found.next_js) == (False, True)
    (tmp_path / "package.json").write_text("[not json")
    assert not look_at(tmp_path).next_js


def test_an_empty_folder_gets_an_app_and_a_migration_to_try_it_with(tmp_path: Path) -> None:
    assert set(start(tmp_path)) >= {"app/index.html", "migrations/001_notes.sql"}
    assert load("", root=tmp_path, environ={}).app_dir == Path("app")


def test_a_second_run_writes_nothing(tmp_path: Path) -> None:
    start(tmp_path)
    before = contents(tmp_path)
    assert start(tmp_path) == ()
    assert contents(tmp_path) == before


def test_nothing_that_is_there_is_written_over(tmp_path: Path) -> None:
    mine = {
        "tasks.py": "mine = 1\n",
        "shipway.toml": 'checks_dir = "expectations"\n',
        "checks/smoke.toml": '[[page]]\npath = "/mine"\n',
        ".github/workflows/shipway.yml": "name: mine\n",
    }
    for path, text in mine.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    plan = plan_start(look_at(tmp_path))
    assert {one.path for one in plan.files if one.fate is Fate.KEPT} == set(mine)
    start(tmp_path)
    now = contents(tmp_path)
    assert {path: now[path] for path in mine} == mine


@pytest.mark.parametrize(
    ("path", "collection", "own"),
    [
        ("tasks.py", "", ["mine", "own-deploy"]),
        ("tasks/__init__.py", "", ["mine", "own-deploy"]),
        ("tasks.py", "ns = invoke.Collection(mine, deploy)\n", ["own.mine", "own.deploy"]),
        ("tasks.py", "namespace = invoke.Collection(mine, deploy)\n", ["own.mine", "own.deploy"]),
    ],
)
def test_own_tasks_stay_beside_shipways_with_the_lines_that_are_told(
    tmp_path: Path, path: str, collection: str, own: list[str]
) -> None:
    file = tmp_path / path
    file.parent.mkdir(exist_ok=True)
    tasks = [
        "import invoke",
        *("@invoke.task", "def mine(c):", "    print('mine ran')"),
        *("@invoke.task(pre=[mine])", "def deploy(c):", "    print('own deploy ran')"),
    ]
    file.write_text("\n".join(tasks) + "\n" + collection)
    found = look_at(tmp_path)
    assert start(tmp_path)
    assert (tmp_path / "tasks.py").exists() is (path == "tasks.py")
    _, *lines, _ = found.tasks_to_add.split("\n")
    with file.open("a") as stream:
        stream.write("\n".join(lines) + "\n")

    def invoke(*arguments: str) -> str:
        argv = [sys.executable, "-m", "invoke", *arguments]
        done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout

    listed = invoke("--list")
    for name in (*own, "deploy", "release", "db.migrate"):
        assert f"  {name}" in listed
    assert invoke(own[1]) == "mine ran\nown deploy ran\n"
    assert look_at(tmp_path).tasks_to_add == ""


def test_the_names_that_shipway_takes_are_known_to_init() -> None:
    assert set(TAKEN) == {*namespace.tasks, *namespace.collections}


def test_settings_in_pyproject_stay_the_only_ones(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.shipway]\napp_dir = "web"\n')
    assert "shipway.toml" not in start(tmp_path)
    assert load("", root=tmp_path, environ={}).app_dir == Path("web")


def test_ignored_files_are_added_to_those_that_are_ignored_already(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("node_modules\n.env")
    start(tmp_path)
    lines = (tmp_path / ".gitignore").read_text().splitlines()
    assert lines[:2] == ["node_modules", ".env"]
    assert {".shipway/", ".env.*", "!.env.example"} <= set(lines)
    assert lines.count(".env") == 1


def test_an_apps_own_example_of_secrets_gets_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("DATABASE_URL=\nMAIL_KEY=\n")
    start(tmp_path)
    names = re.findall(r"^([A-Z_]+)=", (tmp_path / ".env.example").read_text(), re.MULTILINE)
    assert names[:2] == ["DATABASE_URL", "MAIL_KEY"]
    assert "VERCEL_TOKEN" in names
    assert len(names) == len(set(names))


def test_the_settings_file_tells_every_setting_and_changes_none(tmp_path: Path) -> None:
    text = settings_file({})
    for name, _, explanation in policies():
        assert f"# {explanation}\n# {name} = " in text
    (tmp_path / "shipway.toml").write_text(text)
    assert load("", root=tmp_path, environ={}) == Settings(
        target="default", root=tmp_path, sources={}
    )


def test_every_line_of_the_settings_file_can_be_switched_on(tmp_path: Path) -> None:
    names = "|".join(name for name, _, _ in policies())
    text = re.sub(rf"^# (?=({names}) = )", "", settings_file({}), flags=re.MULTILINE)
    (tmp_path / "shipway.toml").write_text(text)
    settings = load("", root=tmp_path, environ={})
    assert len(settings.sources) == len(policies())
    assert settings.lock_timeout_s == Settings.__dataclass_fields__["lock_timeout_s"].default


def identities() -> set[str]:
    """Return the settings that a person brings; a CI system sets its own."""
    given = {name for name, default, _ in describe() if name.isupper() and not default}
    return {name for name in given if name not in {"GITHUB_REPOSITORY", "GITHUB_RUN_ID"}}


def test_what_an_account_gives_is_told_with_its_place() -> None:
    accounts = [
        name for name in identities() if name.startswith(("DATABASE", "SUPABASE", "VERCEL"))
    ]
    assert len(accounts) == 9
    assert all(map(where_to_get, accounts))


def test_the_example_of_secrets_names_every_one() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert identities() <= set(re.findall(r"^#? ?([A-Z0-9_]+)=", text, re.MULTILINE))


def test_the_example_at_the_root_is_a_file_that_says_what_init_writes() -> None:
    root = ROOT / ".env.example"
    assert root.is_file()
    assert not root.is_symlink(), "a checkout on Windows makes a text file of a link"
    written = ROOT / "shipway" / "starter" / "templates" / "env.example"
    assert root.read_text(encoding="utf-8") == written.read_text(encoding="utf-8"), (
        "run: cp shipway/starter/templates/env.example .env.example"
    )


def test_the_workflow_rehearses_on_the_service_that_it_starts(tmp_path: Path) -> None:
    start(tmp_path)
    text = (tmp_path / ".github/workflows/shipway.yml").read_text(encoding="utf-8")
    (url,) = re.findall(r"^      SHIPWAY_REHEARSE_ON: (\S+)$", text, re.MULTILINE)
    password, port = re.findall(r"POSTGRES_PASSWORD: (\S+)|- (\d+):5432", text)
    given = conninfo_to_dict(url)
    assert (given["user"], given["password"]) == ("supabase_admin", password[0])
    assert (given["host"], given["port"]) == ("127.0.0.1", port[1])
    told = (ROOT / "docs" / "rehearsals.md").read_text(encoding="utf-8")
    assert url in told


def test_a_history_that_counts_on_older_grants_gets_a_sandbox_that_has_them(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for root, more in ((old, ""), (new, "grant select on a to authenticated;")):
        folder = root / "supabase" / "migrations"
        folder.mkdir(parents=True)
        (folder / "20250101000000_a.sql").write_text(
            f"create table a (id int); create policy p on a using (true); {more}", encoding="utf-8"
        )
        start(root)

    assert "\nolder_project = true\n" in (old / "shipway.toml").read_text(encoding="utf-8")
    assert "\n# older_project = false\n" in (new / "shipway.toml").read_text(encoding="utf-8")
