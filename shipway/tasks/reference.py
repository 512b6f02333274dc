"""Makes the reference pages of docs/ from the code: `python -m shipway.tasks.reference docs`."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from shipway.commands.document import Document
from shipway.edges.postgres.catalog_sql import sql
from shipway.formats.json_schema import schema_of
from shipway.migrations.files import DIRECTIVES
from shipway.schema.expectations import QUERY_DIRECTIVES
from shipway.settings import describe, where_to_get
from shipway.steps.deploy.smoke import PAGE_KEYS
from shipway.steps.gates.preflight import Diagnosis
from shipway.steps.release.record import ReleaseRecord
from shipway.steps.verify.verify import GROUPS
from shipway.tasks import namespace
from shipway.values.backup import Backup, Manifest
from shipway.values.checks import Checks, Verified
from shipway.values.hosting import Deployed
from shipway.values.logs import Watched
from shipway.values.migrations import Migrated, MigrationPlan
from shipway.values.rehearsal import Seal

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["main", "pages"]

_SETTINGS = """\
# Settings

The process environment wins over `.env.<target>`, which wins over `.env`. A variable that is set
but empty counts as not set.

Settings in capitals live in the environment or an `.env` file only. The others stand in
`[tool.shipway]` of pyproject.toml, or in a file shipway.toml, and each can be overridden as
`SHIPWAY_<NAME>` (`lock_timeout_s` as `SHIPWAY_LOCK_TIMEOUT_S`). `SHIPWAY_TARGET` names the target
where `--target` is not given. An unknown name is an error.

| setting | default | meaning |
|---|---|---|
"""

_PLACES = """\
## Where to get them

What is missing `invoke doctor` says too, with the same words.
"""

_TASKS = """\
# Tasks

Every task is called `invoke NAME`. `invoke --dry NAME` shows what it would do and changes nothing.
How each ends: [exit codes](exit-codes.md).
"""


_DIRECTIVES = """\
# Directives

The comments at the head of an SQL file say what shipway has to know of it:

```sql
-- shipway: phase=contract statement_timeout=30min
```

Values with spaces stand in quotes. An unknown word, or one below the first statement, is an error.
"""

_CHECKS = """\
# Checks

What `invoke db.verify` looks at, and the smoke test of a deployment. How they judge:
[verify](verify.md), [deploy](deploy.md). The heads of `checks/*.sql`: [directives](directives.md).

## Groups

| group | what it holds against what |
|---|---|
{groups}

## Known mistakes

Each finding names the object and its cure. An *error* fails the check, a *warn* is a warning, an
*info* is told. Of a level that depends on the case the graver one is shown.

| lint | group | level |
|---|---|---|
{mistakes}

A cure that opens something says for whom and what, and comes after the one that opens nothing: of
`grant_missing` first `drop policy`, for a policy that no file of yours makes, then the grant of
every command that the policy is for. Where one of them is granted already, that one is taken for
what is meant. The `search_path` that `mutable_search_path` proposes is the one that the API's
callers have today, so that the body goes on finding what it names.

## checks/smoke.toml

A table `[[page]]` for each page.

| key | meaning |
|---|---|
{keys}
"""

_JSON = """\
# JSON

With `--format json` a command writes exactly one JSON document to stdout, whatever happens, and
everything else to stderr: [document](schemas/document.json). Its `result` differs by command.
Dataclasses of the code are objects, times are ISO 8601 in UTC, sizes end in `_bytes`, durations in
`_s` or `_ms`. Fields are only added within a version `0.x`; a reader lets unknown ones pass.

What lies on a disk or in a target (manifests, seals, proofs, records, journals) outlives the
version that wrote it. A newer shipway reads what an older one wrote: what that one did not tell has
a default. An older one reads what a newer one wrote and passes over the fields that it does not
know, unless the record's `format` is higher than its own: then it says so and changes nothing.
The format is 1, also where none is told.

| schema | what it describes |
|---|---|
"""

_LINT = re.compile(
    r"^(?:union all )?select '(\w+)', '(\w+)', (?:case .*? then )?'(\w+)'", re.MULTILINE
)

_SCHEMAS: dict[str, tuple[type, str]] = {
    "document": (Document, "what every command writes"),
    "release": (ReleaseRecord, "`release.json` of a release, and the result of `release`"),
    "doctor": (Diagnosis, "the result of `doctor`"),
    "migration-plan": (MigrationPlan, "the result of `db.status` and of `--dry db.migrate`"),
    "migrated": (Migrated, "the result of `db.migrate`"),
    "verified": (Verified, "the result of `db.verify` when every check passed"),
    "checks": (Checks, "the result of `db.verify` when one failed"),
    "backup": (Backup, "the result of `backup`"),
    "manifest": (Manifest, "`body` of `manifest.json` in a backup's folder"),
    "seal": (Seal, "the result of `db.rehearse`"),
    "deployed": (Deployed, "the result of `deploy`"),
    "watched": (Watched, "the result of `logs`"),
}


def settings_page() -> str:
    """Return the page of settings, Markdown."""
    rows = [
        f"| `{name}` | {f'`{default}`' if default else ''} | {explanation} |"
        for name, default, explanation in describe()
    ]
    places = [f"- `{name}`: {where}." for name, _, _ in describe() if (where := where_to_get(name))]
    return "\n".join([_SETTINGS + "\n".join(rows), "", _PLACES, *places]) + "\n"


def tasks_page() -> str:
    """Return the page of tasks, Markdown."""
    return _TASKS + "".join(f"\n{line}" for line in _tasks()) + "\n"


def _tasks() -> Iterator[str]:
    # A default task is called by its collection's name alone.
    names = {
        aliases[0] if aliases else name: name for name, aliases in namespace.task_names.items()
    }
    for called, name in sorted(names.items()):
        task = namespace[name]
        arguments = task.get_arguments()
        positional = " ".join(one.name.upper() for one in arguments if one.positional)
        yield f"## {called} {positional}".rstrip()
        yield ""
        yield " ".join((task.__doc__ or "").split())
        yield ""
        for one in arguments:
            flag = (
                one.name.upper() if one.positional else f"--{one.name.strip('_').replace('_', '-')}"
            )
            yield f"- `{flag}`: {one.help}"
        yield ""


def directives_page() -> str:
    """Return the page of what the heads of SQL files may say, Markdown."""
    parts = [_DIRECTIVES]
    for title, known in (
        ("migrations/NNN_name.sql", DIRECTIVES),
        ("checks/NAME.sql", QUERY_DIRECTIVES),
    ):
        rows = [f"| `{name}` | {meaning} |" for name, meaning in known.items()]
        parts += [f"## {title}", "", "| word | meaning |", "|---|---|", *rows, ""]
    return "\n".join(parts)


def checks_page() -> str:
    """Return the page of what verify and the smoke test look at, Markdown."""
    groups = [f"| `{name}` | {meaning} |" for name, meaning in GROUPS.items()]
    keys = [f"| `{name}` | {meaning} |" for name, (_, meaning) in PAGE_KEYS.items()]
    mistakes = [
        f"| `{lint}` | {group} | {level} |"
        for name in ("lints", "data")
        for group, lint, level in _LINT.findall(sql(name).decode())
    ]
    return _CHECKS.format(
        groups="\n".join(groups), keys="\n".join(keys), mistakes="\n".join(mistakes)
    )


def json_page() -> str:
    """Return the page of the JSON documents, Markdown."""
    rows = [f"| [{name}](schemas/{name}.json) | {what} |" for name, (_, what) in _SCHEMAS.items()]
    return _JSON + "\n".join(rows) + "\n"


def pages() -> Iterator[tuple[str, str]]:
    """Yield the path below docs/ and the text of everything that is made from the code."""
    yield "settings.md", settings_page()
    yield "tasks.md", tasks_page()
    yield "directives.md", directives_page()
    yield "checks.md", checks_page()
    yield "json.md", json_page()
    for name, (shape, _) in _SCHEMAS.items():
        schema = json.dumps(schema_of(shape), indent=2, ensure_ascii=False)
        yield f"schemas/{name}.json", schema


def main(folder: Path) -> None:
    """Write all pages into a folder."""
    for name, text in pages():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
