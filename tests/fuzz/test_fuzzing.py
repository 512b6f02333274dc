"""Whatever is written in files or answered by an API: a clear error or success, no traceback.

The examples are the same in every run and few: what they have found once is a test of its own.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from shipway.edges.machine.clock import SystemClock
from shipway.edges.supabase.management_api import Supabase
from shipway.edges.team.github import GitHub
from shipway.edges.vercel.api import Vercel
from shipway.edges.vercel.cli import VercelCli
from shipway.edges.web.http import Api
from shipway.environment import load
from shipway.errors import Stopped
from shipway.formats.json_form import json_form
from shipway.migrations.files import read_folder
from shipway.migrations.sql.opened import open_script
from shipway.report.hide import Hide
from shipway.settings import Settings
from shipway.steps.gates.waivers import read_waivers
from shipway.steps.gates.windows import in_window
from shipway.values.basics import Secret
from tests.fuzz.answers import ANSWERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FEW = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NAMES = sorted(str(one.metadata["env"]) for one in fields(Settings) if "env" in one.metadata)
POLICIES = sorted(one.name for one in fields(Settings) if "policy" in one.metadata)


@contextmanager
def a_clear_end() -> Iterator[None]:
    """Let through an end that speaks in three sentences, and nothing else that is raised."""
    ends: list[Stopped] = []
    try:
        yield
    except Stopped as stopped:
        ends.append(stopped)
    for one in ends:
        assert all(text.strip() for text in (one.what, one.unchanged, one.next_step))
        assert len(one.what) < 10_000


# --- files ------------------------------------------------------------------------------------

LINES = st.one_of(
    st.text(max_size=30),
    st.builds("{}={}".format, st.sampled_from([*NAMES, "SHIPWAY_BUILD"]), st.text(max_size=30)),
    st.builds('{}="{}'.format, st.sampled_from(NAMES), st.text(max_size=10)),
    st.sampled_from(
        ["export A=1", "A", "=", "#", "A=${B}", "A='x", 'A="\\', "\ufeffA=1", "A=\x00"]
    ),
)


@FEW
@given(content=st.lists(LINES, max_size=6).map("\n".join).map(str.encode) | st.binary(max_size=40))
@example(content=b"\xff\xfe")
def test_any_env_file_is_read_or_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env.fuzz").write_bytes(content)
    with a_clear_end():
        assert load("fuzz", root=tmp_path, environ={}).target == "fuzz"


VALUES = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
TABLES = st.dictionaries(st.sampled_from(POLICIES) | st.text(max_size=8), VALUES, max_size=4)


@FEW
@given(table=TABLES, broken=st.text(max_size=8))
def test_any_settings_file_is_read_or_refused(
    tmp_path: Path, table: dict[str, Any], broken: str
) -> None:
    lines = [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in table.items()]
    for text in ("\n".join(lines), "\n".join([*lines, broken])):
        (tmp_path / "shipway.toml").write_text(text, encoding="utf-8")
        with a_clear_end():
            load("", root=tmp_path, environ={})


@FEW
@given(
    window=st.text(max_size=12)
    | st.from_regex(r"[A-Z][a-z]{2} \d\d:\d\d-\d\d:\d\d", fullmatch=True),
    zone=st.text(max_size=8)
    | st.sampled_from(["UTC", "Europe/Berlin", "Europe", "/etc", "..", ""]),
    waiver=st.text(max_size=12)
    | st.builds("{}={}".format, st.text(max_size=6), st.text(max_size=3)),
)
def test_any_window_zone_and_waiver_is_read_or_refused(window: str, zone: str, waiver: str) -> None:
    with a_clear_end():
        in_window([window], zone=zone, now=SystemClock().now())
    with a_clear_end():
        read_waivers([waiver], now="", without_rehearsal="", person=lambda: "Ada")


ANY_NAME = st.characters(exclude_characters="/\x00", exclude_categories=["Cs"])
FILE_NAMES = st.one_of(
    st.from_regex(r"[0-9]{1,30}_[a-z]{0,5}(\.down)?\.sql", fullmatch=True),
    st.text(ANY_NAME, min_size=1, max_size=9).map("{}.sql".format),
)
SQL = st.one_of(
    st.binary(max_size=40),
    st.text(st.sampled_from(list("a;'\"$\\-/*\n(ä:= ")), max_size=30).map(str.encode),
    st.builds(
        "-- shipway: {}\n{};".format,
        st.sampled_from(["phase=", "lock_timeout=", "statement_timeout=", ""]).flatmap(
            lambda head: st.text(max_size=6).map(lambda value: head + value)
        ),
        st.text(max_size=12),
    ).map(lambda text: text.encode("utf-8", "replace")),
    st.sampled_from([b"copy t from stdin;\n1\n", b"begin; commit;", b"\xef\xbb\xbf", b"a\x00"]),
)


@FEW
@given(files=st.dictionaries(FILE_NAMES, SQL, min_size=1, max_size=3))
def test_any_migration_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folder = tmp_path_factory.mktemp("migrations")
    for name, content in files.items():
        # A name that the file system refuses cannot be met.
        with suppress(OSError):
            (folder / name).write_bytes(content)
    with a_clear_end():
        for migration in read_folder(folder):
            json_form(migration)
            with open_script(migration) as script:
                script.units()


# --- what APIs answer --------------------------------------------------------------------------


CLI = VercelCli(token=Secret("token"), project_id="prj_1", org_id=None, api_url=None)


class Answering(BaseHTTPRequestHandler):
    """Answers every request with what the server was told to say."""

    protocol_version = "HTTP/1.1"
    server: Any

    def do_GET(self) -> None:
        body: bytes = self.server.says
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def answering() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def api(answering: ThreadingHTTPServer) -> Iterator[Api]:
    with Api(
        name="the API",
        base_url=f"http://127.0.0.1:{answering.server_port}",
        setting="VERCEL_API_URL",
        token=Secret("token"),
        clock=SystemClock(),
    ) as one:
        yield one


@pytest.mark.parametrize("asked", sorted(ANSWERS))
@settings(FEW, max_examples=15)
@given(data=st.data())
def test_any_answer_that_its_description_allows_is_understood_or_refused(
    answering: Any, api: Api, asked: str, data: st.DataObject
) -> None:
    answering.says = json.dumps(data.draw(ANSWERS[asked])).encode()
    edges = (
        Supabase(api, project_ref="a" * 20, clock=SystemClock()),
        Vercel(api, project_id="prj_1", team_id=None, cli=CLI),
        GitHub(api, repository="o/n", run_id="7"),
    )
    edge = next(one for one in edges if hasattr(one, asked))
    arguments = {"get": ["dpl_1"], "build_log": ["dpl_1"], "checks": ["c" * 40]}.get(asked, [])
    with a_clear_end():
        json.dumps(json_form(getattr(edge, asked)(*arguments)))


# --- secrets -----------------------------------------------------------------------------------


@FEW
@given(secret=st.text(min_size=9, max_size=20), around=st.text(max_size=5))
@example(secret="postgresql://u:p@[::1", around="")
def test_a_secret_of_any_text_is_hidden_wherever_it_stands(secret: str, around: str) -> None:
    hidden = Hide([Secret(secret)])(f"{around}{secret}{around} {json.dumps(secret)} {secret!r}")
    assert secret not in hidden
