"""`python -m shipway.sandbox STATE_DIR`: serves the stand-ins until SIGTERM or SIGINT."""

from __future__ import annotations

import json
import os
import secrets
import signal
import string
import sys
import time
from pathlib import Path
from typing import Any

from shipway.sandbox import github_api, team_api
from shipway.sandbox.faults import FaultBook
from shipway.sandbox.ports import Ports
from shipway.sandbox.state import AlreadyRunning, Blobs, Document, hold, write_whole
from shipway.sandbox.storage import store as storage_shelf
from shipway.sandbox.storage.s3 import ROOT, s3_keys
from shipway.sandbox.supabase import management as supabase_management
from shipway.sandbox.supabase.api import SupabaseApi
from shipway.sandbox.supabase.branches import new_ref
from shipway.sandbox.vercel import world as vercel_world
from shipway.sandbox.vercel.api import VercelApi
from shipway.sandbox.vercel.apps import Apps
from shipway.sandbox.vercel.logs import LogBook

_USAGE = "usage: python -m shipway.sandbox STATE_DIR"
_PATIENCE_S = 0.5
_LETTERS = string.ascii_letters + string.digits


def main(arguments: list[str]) -> int:
    """Serve the folder named by the one argument; return the exit status."""
    if len(arguments) != 1:
        print(_USAGE, file=sys.stderr)  # noqa: T201 - its own process, before anything else
        return 2
    folder = Path(arguments[0]).absolute()
    try:
        lock = _hold_soon(folder)
    except AlreadyRunning:
        print(  # noqa: T201 - its own process
            f"The stand-ins of {folder} are running already; nothing was started.",
            file=sys.stderr,
        )
        return 1
    ports = Ports()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ports.stop())
    announcement = folder / "standins.json"
    announcement.unlink(missing_ok=True)
    facts = _serve(folder, ports)
    write_whole(announcement, json.dumps(facts, indent=2).encode())
    ports.run()
    announcement.unlink(missing_ok=True)
    os.close(lock)
    return 0


def _hold_soon(folder: Path) -> int:
    """Take the folder's lock. Whoever only asks for the status holds it for a moment too."""
    ends = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return hold(folder)
        except AlreadyRunning:
            if time.monotonic() > ends:
                raise
            time.sleep(0.02)


def _serve(folder: Path, ports: Ports) -> dict[str, Any]:
    """Open all ports and return what standins.json tells."""
    identity = Document(folder / "identity.json", {})
    with identity.change() as made:
        if not made:
            made.update(_credentials())
        owner = supabase_management.Project(**made["supabase"])
        account = vercel_world.Account(**made["vercel"])
        control_token = made["control_token"]
        made.setdefault("github", _repository())
        made.setdefault("team", {"secret": f"T{_letters(10)}/B{_letters(10)}/{_letters(24)}"})
        repository = github_api.Repository(**made["github"])
        team_secret = made["team"]["secret"]
        before = dict(made["ports"])
    supabase = _supabase(folder, owner, control_token)
    vercel, world, apps = _vercel(folder, ports, account, control_token)
    now = {
        "supabase": ports.open(supabase, before["supabase"]),
        "vercel": ports.open(vercel, before["vercel"]),
        "production": apps.open(None, before["production"]),
        "github": ports.open(_github(folder, repository, control_token), before.get("github", 0)),
        "team": ports.open(_team(folder, team_secret, control_token), before.get("team", 0)),
    }
    world.production_host = f"127.0.0.1:{now['production']}"
    apps.open_all()
    with identity.change() as made:
        made["ports"] = now
    s3_key_id, s3_secret = s3_keys(owner.secret_key)
    return {
        "pid": os.getpid(),
        "supabase_url": f"http://127.0.0.1:{now['supabase']}",
        "supabase_api_url": f"http://127.0.0.1:{now['supabase']}",
        "vercel_api_url": f"http://127.0.0.1:{now['vercel']}",
        "production_url": f"http://{world.production_host}",
        "project_ref": owner.ref,
        "supabase_access_token": owner.access_token,
        "supabase_secret_key": owner.secret_key,
        "s3_endpoint": f"http://127.0.0.1:{now['supabase']}{ROOT}",
        "s3_access_key_id": s3_key_id,
        "s3_secret_access_key": s3_secret,
        "vercel_token": account.token,
        "vercel_team_id": account.team_id,
        "vercel_project_id": account.project_id,
        "vercel_bypass_secret": account.bypass_secret,
        "github_api_url": f"http://127.0.0.1:{now['github']}",
        "github_repository": repository.name,
        "github_token": repository.token,
        "team_url": f"http://127.0.0.1:{now['team']}",
        "slack_webhook_url": f"http://127.0.0.1:{now['team']}/services/{team_secret}",
        "notify_webhook_url": f"http://127.0.0.1:{now['team']}/hooks/{team_secret}",
        "control_token": control_token,
    }


def _credentials() -> dict[str, Any]:
    """Return who the sandbox's project belongs to: invented once, at the first start."""
    now = vercel_world.now_ms()
    return {
        "ports": {"supabase": 0, "vercel": 0, "production": 0},
        "control_token": secrets.token_urlsafe(24),
        "supabase": {
            "ref": new_ref(),
            "access_token": f"sbp_{secrets.token_hex(20)}",
            "secret_key": f"sb_secret_{_letters(22)}_{_letters(8)}",
            "created_at": storage_shelf.now_text(),
        },
        "vercel": {
            "token": _letters(24),
            "team_id": vercel_world.new_id("team"),
            "team_slug": "sandbox-team",
            "project_id": vercel_world.new_id("prj", 28),
            "project_name": "sandbox-app",
            "user_id": _letters(24),
            "bypass_secret": _letters(32),
            "created_at_ms": now,
        },
    }


def _repository() -> dict[str, str]:
    return {"name": "sandbox-owner/sandbox-app", "token": f"ghp_{_letters(36)}"}


def _letters(count: int) -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(count))


def _supabase(folder: Path, owner: supabase_management.Project, control_token: str) -> SupabaseApi:
    home = folder / "supabase"
    project = Document(home / "project.json", supabase_management.FRESH)
    storage = Document(home / "storage.json", storage_shelf.FRESH)
    faults = FaultBook(Document(home / "faults.json", {"rules": []}))
    settings = Document(home / "settings.json", supabase_management.SETTINGS)
    blobs = Blobs(home / "objects")
    return SupabaseApi(
        owner=owner,
        document=project,
        shelf=storage_shelf.Shelf(document=storage, blobs=blobs, settings=settings, faults=faults),
        control_token=control_token,
        faults=faults,
        settings=settings,
        state=(project, storage, blobs),
    )


def _vercel(
    folder: Path, ports: Ports, account: vercel_world.Account, control_token: str
) -> tuple[VercelApi, vercel_world.World, Apps]:
    home = folder / "vercel"
    deployments = Document(home / "deployments.json", vercel_world.FRESH)
    settings = Document(home / "settings.json", vercel_world.SETTINGS)
    faults = FaultBook(Document(home / "faults.json", {"rules": []}))
    world = vercel_world.World(
        account=account, document=deployments, settings=settings, faults=faults
    )
    blobs = Blobs(home / "files")
    logs = LogBook(home / "logs")
    apps = Apps(ports=ports, world=world, blobs=blobs, logs=logs)
    api = VercelApi(
        world=world,
        blobs=blobs,
        apps=apps,
        logs=logs,
        control_token=control_token,
        faults=faults,
        settings=settings,
        state=(apps, deployments, logs, blobs),
    )
    return api, world, apps


def _github(
    folder: Path, repository: github_api.Repository, control_token: str
) -> github_api.GitHubApi:
    home = folder / "github"
    return github_api.GitHubApi(
        repository=repository,
        control_token=control_token,
        faults=FaultBook(Document(home / "faults.json", {"rules": []})),
        settings=Document(home / "settings.json", github_api.SETTINGS),
        state=(),
    )


def _team(folder: Path, secret: str, control_token: str) -> team_api.TeamApi:
    home = folder / "team"
    notices = Document(home / "notices.json", team_api.FRESH)
    return team_api.TeamApi(
        secret=secret,
        document=notices,
        control_token=control_token,
        faults=FaultBook(Document(home / "faults.json", {"rules": []})),
        settings=Document(home / "settings.json", team_api.SETTINGS),
        state=(notices,),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
