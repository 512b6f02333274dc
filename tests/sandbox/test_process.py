"""The stand-ins as a process: start, stop, kill, start again."""

from __future__ import annotations

import socket
import stat
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from shipway.sandbox.control import Control
from tests.sandbox.conftest import NO_TLS, visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.sandbox.conftest import Standins

PAGE = "<h1>first</h1>"


@contextmanager
def vercel_of(standins: Standins) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=standins.facts["vercel_api_url"],
        headers=standins.vercel_headers,
        params={"teamId": standins.facts["vercel_team_id"]},
        trust_env=False,
        verify=NO_TLS,
    ) as client:
        yield client


def put_live(vercel: httpx.Client, standins: Standins) -> str:
    """Deploy straight to production and return the deployment's id."""
    body = {
        "name": "sandbox-app",
        "target": "production",
        "files": [{"file": "index.html", "data": PAGE}],
    }
    deployment_id = str(vercel.post("/v13/deployments", json=body).json()["id"])
    while visit(standins.facts["production_url"]).text != PAGE:
        pass
    return deployment_id


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1])


def test_what_it_says_about_itself_is_for_its_owner_alone_and_well_formed(
    own_standins: Callable[[], Standins],
) -> None:
    standins = own_standins()
    facts = standins.facts
    mode = stat.S_IMODE((standins.folder / "standins.json").stat().st_mode)
    assert mode == 0o600
    assert len(facts["project_ref"]) == 20
    assert facts["project_ref"].islower()
    assert facts["supabase_access_token"].startswith("sbp_")
    assert len(facts["supabase_access_token"]) == 44
    assert facts["supabase_secret_key"].startswith("sb_secret_")
    assert facts["vercel_team_id"].startswith("team_")
    assert facts["vercel_project_id"].startswith("prj_")


def test_a_second_start_on_the_same_folder_refuses_and_harms_nothing(
    own_standins: Callable[[], Standins],
) -> None:
    standins = own_standins()
    second = subprocess.run(
        [sys.executable, "-m", "shipway.sandbox", str(standins.folder)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert second.returncode == 1
    assert "running already" in second.stderr
    assert (standins.folder / "standins.json").is_file()
    with vercel_of(standins) as vercel:
        assert vercel.get("/v2/user").status_code == 200


def test_sigterm_stops_it_cleanly_and_takes_its_announcement_away(
    own_standins: Callable[[], Standins],
) -> None:
    standins = own_standins()
    with vercel_of(standins) as vercel:
        assert vercel.get("/v2/user").status_code == 200
        # The connection stays open: it must not keep the process.
        assert standins.stop() == (0, "")
    assert not (standins.folder / "standins.json").exists()


def test_a_kill_loses_nothing(own_standins: Callable[[], Standins]) -> None:
    before = own_standins()
    control = Control(before.facts["vercel_api_url"], before.facts["control_token"])
    storage = f"{before.facts['supabase_url']}/storage/v1"
    with vercel_of(before) as vercel:
        control.settings(build_s=0.05)
        live = put_live(vercel, before)
        control.fault("never", on="build")
        body = {"name": "sandbox-app", "files": [{"file": "a.txt", "data": "a"}]}
        building = vercel.post("/v13/deployments", json=body).json()
        control.fault("status", path="/v2/user", status=503)
    httpx.post(
        f"{storage}/bucket",
        json={"id": "backups"},
        headers=before.storage_headers,
        trust_env=False,
        verify=NO_TLS,
    )
    httpx.post(
        f"{storage}/object/backups/dump.bin",
        files={"file": ("dump.bin", b"x" * 100_000)},
        headers=before.storage_headers,
        trust_env=False,
        verify=NO_TLS,
    )
    control.close()
    before.kill()
    after = own_standins()
    assert {**after.facts, "pid": 0} == {**before.facts, "pid": 0}
    assert visit(after.facts["production_url"]).text == PAGE
    with vercel_of(after) as vercel:
        assert vercel.get("/v2/user").status_code == 503
        assert vercel.get("/v2/user").status_code == 200
        project = vercel.get("/v9/projects/sandbox-app").json()
        assert project["targets"]["production"]["id"] == live
        again = vercel.get(f"/v13/deployments/{building['id']}").json()
        assert (again["readyState"], again["url"]) == ("BUILDING", building["url"])
    content = visit(f"{storage}/object/backups/dump.bin", headers=after.storage_headers)
    assert content.content == b"x" * 100_000


def test_ports_that_were_taken_meanwhile_are_replaced_and_the_urls_follow(
    own_standins: Callable[[], Standins],
) -> None:
    before = own_standins()
    with vercel_of(before) as vercel:
        put_live(vercel, before)
    before.kill()
    taken = [port_of(before.facts[name]) for name in ("vercel_api_url", "production_url")]
    others = [socket.create_server(("127.0.0.1", port)) for port in taken]
    try:
        after = own_standins()
    finally:
        for other in others:
            other.close()
    assert port_of(after.facts["vercel_api_url"]) not in taken
    assert after.facts["supabase_api_url"] == before.facts["supabase_api_url"]
    assert visit(after.facts["production_url"]).text == PAGE
    with vercel_of(after) as vercel:
        domains = vercel.get("/v9/projects/sandbox-app/domains").json()["domains"]
    assert [f"http://{one['name']}" for one in domains] == [after.facts["production_url"]]


def test_a_missing_argument_is_wrong_usage() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "shipway.sandbox"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith("usage:")
