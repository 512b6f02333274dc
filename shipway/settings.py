"""The settings: what can be set, its default, and what it means, as one frozen value.

`shipway.environment` reads them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Settings", "describe", "policies", "where_to_get"]


def _identity(env: str, help_: str, default: str | None = None, *, where: str = "") -> Any:
    """Declare a setting that lives in the environment under its own well-known name.

    Args:
        env: that name.
        help_: what it is.
        default: None when it has none.
        where: where a person gets it, and which permission it needs; a sentence without its end.
    """
    return field(default=default, metadata={"env": env, "help": help_, "where": where})


def _policy(default: object, help_: str, *, called: str = "") -> Any:
    """Declare a setting that lives in pyproject.toml, with `SHIPWAY_<NAME>` to override it.

    Args:
        default: its value when it is not set.
        help_: what it is.
        called: the word that stands for the default None, where there is one.
    """
    return field(default=default, metadata={"policy": True, "help": help_, "called": called})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that shipway was told. Relative paths are taken from the project's root."""

    target: str
    root: Path
    sources: Mapping[str, str]
    """Name of each setting that was given to where it came from."""

    database_url: Secret | None = _identity(
        "DATABASE_URL",
        "Postgres URL of the target: direct or session pooler, port 5432",
        where="Supabase dashboard, button Connect: copy the URI of the session pooler (port 5432, "
        "never 6543) and put the database's password into it; a lost one is set anew under "
        "Database > Settings",
    )
    project_ref: str | None = _identity(
        "SUPABASE_PROJECT_REF",
        "the 20 letters that name the Supabase project",
        where="they stand in the address of its dashboard, supabase.com/dashboard/project/<ref>",
    )
    supabase_url: str | None = _identity(
        "SUPABASE_URL",
        "https://<ref>.supabase.co, wanted for uploads to Storage",
        where="Supabase dashboard, Project Settings > Data API",
    )
    supabase_secret_key: Secret | None = _identity(
        "SUPABASE_SECRET_KEY",
        "sb_secret_… (or the service_role key), wanted for uploads to Storage",
        where="Supabase dashboard, Project Settings > API Keys: make a secret key for this alone",
    )
    supabase_access_token: Secret | None = _identity(
        "SUPABASE_ACCESS_TOKEN",
        "sbp_…, to ask about the platform: its backups, health and advisors",
        where="Supabase dashboard, Account > Access Tokens: make one for this project with the "
        "permissions project_admin_read, database_readonly_config_read, backups_read and "
        "advisors_read",
    )
    backup_signing_key: Secret | None = _identity(
        "BACKUP_SIGNING_KEY", "signs manifests and seals; with it, unsigned ones do not count"
    )
    aws_access_key_id: str | None = _identity(
        "AWS_ACCESS_KEY_ID",
        "key for backup_s3_bucket; without it boto3 looks where it always does (role, profile)",
    )
    aws_secret_access_key: Secret | None = _identity("AWS_SECRET_ACCESS_KEY", "of that key")
    aws_session_token: Secret | None = _identity("AWS_SESSION_TOKEN", "of a temporary key")
    backup_identity_file: Path | None = _identity(
        "BACKUP_IDENTITY_FILE",
        "private key of age (or SSH) of those who may read encrypted backups; a runner needs none",
    )
    supabase_api_url: str = _identity(
        "SUPABASE_API_URL", "base of the Management API", "https://api.supabase.com"
    )
    vercel_token: Secret | None = _identity(
        "VERCEL_TOKEN",
        "a token that may deploy the project",
        where="run `vercel tokens create shipway --project <name>`, or Vercel, Account Settings > "
        "Tokens: its scope is the team that owns the project, and its owner may deploy to "
        "production",
    )
    vercel_org_id: str | None = _identity(
        "VERCEL_ORG_ID",
        "team_…, the team that owns the project",
        where="Vercel, the team's Settings > General > Team ID; `vercel link` writes it to "
        ".vercel/project.json as orgId",
    )
    vercel_project_id: str | None = _identity(
        "VERCEL_PROJECT_ID",
        "prj_…, the project to deploy",
        where="Vercel, the project's Settings > General > Project ID; `vercel link` writes it to "
        ".vercel/project.json as projectId",
    )
    vercel_api_url: str = _identity(
        "VERCEL_API_URL", "base of the Vercel API", "https://api.vercel.com"
    )
    vercel_bypass_secret: Secret | None = _identity(
        "VERCEL_AUTOMATION_BYPASS_SECRET",
        "lets the smoke test through deployment protection",
        where="Vercel, the project's Settings > Deployment Protection > Protection Bypass for "
        "Automation",
    )
    slack_webhook_url: Secret | None = _identity(
        "SLACK_WEBHOOK_URL",
        "incoming webhook of Slack, or of what speaks like it: told of releases",
    )
    notify_webhook_url: Secret | None = _identity(
        "NOTIFY_WEBHOOK_URL", "gets a JSON document when a release begins, ends or fails"
    )
    github_token: Secret | None = _identity(
        "GITHUB_TOKEN", "with it, CI must be green for the commit (checks and statuses: read)"
    )
    github_repository: str | None = _identity(
        "GITHUB_REPOSITORY", "owner/name, when it is not the git remote origin"
    )
    github_api_url: str = _identity(
        "GITHUB_API_URL", "base of the GitHub API", "https://api.github.com"
    )
    github_run_id: str | None = _identity(
        "GITHUB_RUN_ID", "set by GitHub Actions: checks of the run that releases are not waited for"
    )

    migrations_dir: Path = _policy(Path("migrations"), "folder of the numbered SQL files")
    checks_dir: Path = _policy(Path("checks"), "folder of the critical queries and expectations")
    app_dir: Path = _policy(Path(), "folder that is deployed to Vercel")
    state_dir: Path = _policy(Path(".shipway"), "folder of backups, records and the sandbox")
    older_project: bool = _policy(
        default=False,
        help_="whether the sandbox is like a project from before 30 October 2026, whose tables in "
        "public were granted to the API's roles without a word",
    )
    backup_bucket: str | None = _policy(None, "private Storage bucket that backups are uploaded to")
    backup_s3_bucket: str | None = _policy(
        None, "bucket that backups are uploaded to instead of backup_bucket, at any S3 endpoint"
    )
    backup_s3_endpoint: str | None = _policy(None, "https://… of an S3 endpoint that is not AWS")
    backup_s3_region: str | None = _policy(None, "region of that bucket")
    backup_s3_prefix: str = _policy("", "folder in that bucket")
    backup_recipients: tuple[str, ...] = _policy(
        (), "public keys, age1… or ssh-…, that backups are encrypted for; none: not encrypted"
    )
    backup_max_age_s: float = _policy(
        3600.0, "age at which a backup and its rehearsal count as proof no longer, seconds"
    )
    rehearse_on: Secret | None = _policy(
        None,
        "where copies are made for rehearsals: embedded, or a PostgreSQL server of one's own by "
        "its URL, postgresql://…, which stands in the environment or an .env file only",
        called="embedded",
    )
    rehearse_whole_up_to_bytes: int = _policy(
        2_000_000_000, "backups above this size are not rehearsed on as a whole, bytes"
    )
    rehearse_large_on: str = _policy(
        "sample", "where larger ones are rehearsed: sample, or branch (of Supabase; it costs money)"
    )
    branch_timeout_s: float = _policy(1800.0, "longest wait for a Supabase branch, seconds")
    backup_keep_last: int = _policy(7, "backups of a target that backup.prune keeps in any case")
    backup_keep_daily: int = _policy(7, "days of which backup.prune keeps the newest backup")
    backup_keep_weekly: int = _policy(5, "weeks of which backup.prune keeps the newest backup")
    backup_keep_monthly: int = _policy(12, "months of which backup.prune keeps the newest backup")
    protected_targets: tuple[str, ...] = _policy(
        (),
        "targets on this machine that are treated like those elsewhere: rehearsed first, and all "
        "gates asked for",
    )
    release_branch: str | None = _policy(
        None, "git branch that is released: nothing uncommitted, and pushed there"
    )
    release_windows: tuple[str, ...] = _policy(
        (), "when a release may begin: Mon-Thu 09:00-16:00, Sun 22:00-02:00"
    )
    release_time_zone: str = _policy("UTC", "zone of release_windows, such as Europe/Berlin")
    approvers: tuple[str, ...] = _policy(
        (), "names or addresses of those one of whom approves pending SQL by release.approve"
    )
    review_stops_at: str = _policy(
        "serious", "findings of the rehearsal that stop a release: serious, warning or never"
    )
    ci_checks: tuple[str, ...] = _policy(
        (), "names of the CI checks that must be green; all when empty"
    )
    max_transaction_age_s: float = _policy(
        60.0, "longest transaction of others that a release does not mind, seconds"
    )
    show_rows: bool = _policy(
        default=False,
        help_="whether values of rows that errors and logs quote may stand in records and CI logs",
    )
    notify_command: str | None = _policy(
        None, "program told of releases: gets SHIPWAY_NOTICE, a JSON document, in its environment"
    )
    notify_required: bool = _policy(
        default=False, help_="whether a release is refused when the team cannot be told of it"
    )
    exposed_schemas: tuple[str, ...] = _policy(("public",), "schemas that the Data API serves")
    lock_timeout_s: float = _policy(5.0, "longest wait of a migration for a table lock, seconds")
    statement_timeout_s: float = _policy(
        600.0, "longest run of one statement of a migration, seconds"
    )
    lock_retry_s: float = _policy(
        120.0, "how long a migration is tried again while a table lock cannot be had, seconds"
    )
    lock_backoff_s: float = _policy(
        0.5, "first pause between two such attempts; it doubles, with jitter, seconds"
    )
    run_lock_wait_s: float = _policy(
        10.0, "longest wait for another run of migrations to end, seconds"
    )
    check_timeout_s: float = _policy(10.0, "longest run of one check of db.verify, seconds")
    http_timeout_s: float = _policy(
        30.0, "longest silence of an API before a request counts as lost, seconds"
    )
    connect_timeout_s: float = _policy(10.0, "longest wait for a connection, seconds")
    build: str = _policy("after-verify", "when the app is built: after-verify, or before-migrate")
    deploy_with: str = _policy(
        "auto",
        "what makes a deployment: auto (the Vercel CLI when there is one, else rest), cli, "
        "prebuilt (the CLI, with what `vercel build` made), rest, or git (a pushed commit)",
    )
    deploy_timeout_s: float = _policy(900.0, "longest wait for a build, seconds")
    promote_timeout_s: float = _policy(180.0, "longest wait for a promotion, seconds")
    smoke_timeout_s: float = _policy(30.0, "longest wait for one page of the smoke test, seconds")
    soak_s: float = _policy(
        86400.0, "how long the code before must be out of service for release.finish, seconds"
    )
    watch_window_s: float = _policy(60.0, "how long the logs are watched after a release, seconds")
    watch_probe_every_s: float = _policy(2.0, "pause between two probes while watching, seconds")
    watch_min_requests: int = _policy(20, "fewer requests than this are not enough evidence")
    watch_max_error_rate: float = _policy(
        0.02, "share of failed requests that is let pass; more is bad once it is shown"
    )

    watch_not_enough: str = _policy(
        "finish",
        "what NOT ENOUGH EVIDENCE means: finish (the command ends with 0 and warns), or fail "
        "(with 8; the new version stays live)",
    )

    def under_root(self, path: Path) -> Path:
        """Return `path` as an absolute path of this project."""
        return self.root / path

    @property
    def env_file(self) -> str:
        """The name of the file that holds the target's own secrets and ids."""
        return ".env" if self.target == "default" else f".env.{self.target}"

    def secrets(self) -> tuple[Secret, ...]:
        """Return every secret that was given, for the one place that hides them in output."""
        values = (getattr(self, one.name) for one in fields(self))
        return tuple(value for value in values if isinstance(value, Secret))


def describe() -> list[tuple[str, str, str]]:
    """Return (name as it is written, default, explanation) of every setting, in order."""
    rows = []
    for one in fields(Settings):
        if "help" not in one.metadata:
            continue
        name = one.metadata.get("env", one.name)
        default = one.metadata.get("called") or one.default
        shown = "" if default is None else _as_written(default)
        rows.append((name, shown, one.metadata["help"]))
    return rows


def where_to_get(name: str) -> str:
    """Return where a person gets a setting of the environment, a sentence without its end."""
    found = {one.metadata.get("env"): one.metadata.get("where", "") for one in fields(Settings)}
    return str(found.get(name, ""))


def policies() -> list[tuple[str, object, str]]:
    """Return (name, default, explanation) of every setting that is no secret and no id."""
    return [
        (one.name, one.metadata["called"] or one.default, one.metadata["help"])
        for one in fields(Settings)
        if "policy" in one.metadata
    ]


def _as_written(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value)
