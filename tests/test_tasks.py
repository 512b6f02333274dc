"""The tasks as Invoke lists and explains them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from invoke.parser import Parser

from shipway.commands.asked import Asked
from shipway.tasks import namespace
from shipway.tasks.shape import takers

ROOT = Path(__file__).parents[1]
NAMES = sorted(namespace.task_names)
PROMISED = [
    "release",
    "backup",
    "backup.list",
    "backup.verify",
    "db.status",
    "db.migrate",
    "db.verify",
    "db.new",
    "db.tables",
    "db.shell",
    "deploy",
    "logs",
    "doctor",
    "init",
    "sandbox.up",
    "sandbox.down",
    "sandbox.reset",
    "sandbox.status",
]
HEAVY = ("psycopg", "httpx", "supabase", "rich", "dotenv", "shipway.commands")


def invoke(*arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "invoke", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return ended.stdout


@pytest.mark.parametrize("name", PROMISED)
def test_every_promised_task_is_there(name: str) -> None:
    assert namespace[name].__doc__


def test_the_list_explains_every_task_in_a_line_or_two() -> None:
    listed = invoke("--list")
    for name in NAMES:
        assert f"  {name}" in listed
        first = (namespace[name].__doc__ or "").strip().splitlines()[0]
        assert first.endswith(".")
        assert len(first) < 90


@pytest.mark.parametrize("name", NAMES)
def test_every_flag_of_a_task_is_explained(name: str) -> None:
    arguments = namespace[name].get_arguments()
    assert all(argument.help for argument in arguments)
    names = {argument.name for argument in arguments}
    if name != "db.shell":
        assert "format" in names or "format_" in names


def test_what_one_call_was_given_is_not_known_to_the_next() -> None:
    parser = Parser(contexts=namespace.to_contexts())

    def given(*words: str) -> tuple[object, object]:
        (call,) = parser.parse_argv(["release", *words])
        return call.args["yes"].value, call.args["waive"].value

    assert given("--yes", "--waive", "a", "--waive", "b") == (True, ["a", "b"])
    assert given() == (False, [])


@pytest.mark.parametrize(("refused", "kept"), [("", True), ("1", False)])
def test_bytecode_is_kept_of_shipway_and_not_of_a_tasks_file(
    tmp_path: Path, refused: str, *, kept: bool
) -> None:
    subprocess.run(
        [sys.executable, "-m", "invoke", "--list"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": refused},
        capture_output=True,
        check=True,
        timeout=60,
    )
    ours = tmp_path / ROOT.relative_to(ROOT.anchor)
    assert any(ours.glob("shipway/tasks/sandbox.*.pyc")) is kept
    assert not list(ours.glob("*.pyc"))


def test_listing_the_tasks_imports_none_of_the_heavy_libraries() -> None:
    program = "import sys, shipway.tasks; print([n for n in sys.argv[1:] if n in sys.modules])"
    ended = subprocess.run(
        [sys.executable, "-c", program, *HEAVY],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert ended.stdout.strip() == "[]"


def test_the_console_script_runs_the_same_tasks_where_there_is_no_tasks_file(
    tmp_path: Path,
) -> None:
    shipway = Path(sys.executable).with_name("shipway")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [shipway, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    listed = run("--help").stdout
    assert all(f"  {name}" in listed for name in NAMES)
    refused = run("db.status", "--target", "production")
    assert refused.returncode == 2
    assert "There is no target 'production'" in refused.stderr


@pytest.mark.parametrize("name", NAMES)
def test_a_command_that_an_error_names_names_the_target_too_if_it_takes_one(name: str) -> None:
    asked = Asked(command="db.migrate", target="sandbox", takers=takers())
    flags = {one.name for one in namespace[name].get_arguments()}
    named = f"invoke {name} --target sandbox" if "target" in flags else f"invoke {name}"
    assert asked.on_target(f"Correct it. Then run: invoke {name}") == (
        f"Correct it. Then run: {named}"
    )
    assert asked.on_target(f"invoke {name} --write; or invoke {name}.") == (
        f"{named} --write; or {named}."
    )
    has_one = f"Run it again: invoke {name} --yes --target other"
    assert asked.on_target(has_one) == has_one
    nobody_named_one = Asked(command="db.migrate", takers=takers())
    assert nobody_named_one.on_target(f"invoke {name}") == f"invoke {name}"
