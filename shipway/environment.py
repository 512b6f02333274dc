"""The environment, the .env files and the project's settings file, read once into `Settings`.

This is the only module that reads the environment. Order of precedence, highest first: the
process environment, `.env.<target>`, `.env`; for settings that are no secrets then
`[tool.shipway]` of pyproject.toml or the file shipway.toml, then the default.
"""

from __future__ import annotations

import os
import re
from dataclasses import Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shipway.errors import Misconfigured
from shipway.settings import Settings
from shipway.values.basics import Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shipway.values.releases import Actions

__all__ = ["github_actions", "load", "project_root", "target_files"]

_NOTHING_DONE = "Nothing was contacted and nothing was changed."
_TARGET_NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")
_PROJECT_REF = re.compile(r"[a-z]{20}\Z")


def github_actions(environ: Mapping[str, str] | None = None) -> Actions | None:
    """Return what GitHub's runner tells of itself; None when this is not one.

    Source: "Variables reference" of the documentation of GitHub Actions.
    """
    process = os.environ if environ is None else environ
    if process.get("GITHUB_ACTIONS") != "true":
        return None
    from shipway.values.releases import Actions  # noqa: PLC0415 - there is mostly no such runner

    workspace, summary = process.get("GITHUB_WORKSPACE"), process.get("GITHUB_STEP_SUMMARY")
    return Actions(
        workspace=Path(workspace) if workspace else None,
        summary=Path(summary) if summary else None,
    )


def project_root(start: Path) -> Path:
    """Return the nearest folder up from `start` with a tasks.py or shipway.toml, else `start`."""
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in ("tasks.py", "shipway.toml")):
            return folder
    return start


def target_files(root: Path) -> list[str]:
    """Return the names of the targets that have an .env file in `root`, sorted."""
    named = (path.name.removeprefix(".env.") for path in root.glob(".env.*"))
    return sorted(name for name in named if _TARGET_NAME.match(name) and name != "example")


def load(target: str | None, *, root: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Read everything and return the settings of one target.

    Args:
        target: its name; empty means `SHIPWAY_TARGET`, else the plain `.env` (named `default`);
            None means the plain `.env`, for commands that work on no target.
        root: the project's root.
        environ: the process environment; the real one when left out.

    Raises:
        Misconfigured: an unknown name, an ill-formed value or a file that is not there.
    """
    process = dict(os.environ if environ is None else environ)
    if target == "":
        target = process.get("SHIPWAY_TARGET", "")
    given = _environment(target or "", root, process)
    policies = _policies(root)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for one in (one for one in fields(Settings) if "help" in one.metadata):
        raw, source = _lookup(one, given, policies)
        if raw is not None:
            values[one.name] = _parse(one, raw, source)
            sources[one.metadata.get("env", one.name)] = source
    _refuse_unknown_overrides(given)
    name = given.get("SHIPWAY_TARGET", ("default", ""))[0]
    settings = Settings(target=name, root=root, sources=sources, **values)
    if settings.project_ref is not None and not _PROJECT_REF.match(settings.project_ref):
        raise _wrong(
            "SUPABASE_PROJECT_REF",
            sources["SUPABASE_PROJECT_REF"],
            "is not a project ref: 20 lower-case letters",
        )
    return settings


def _environment(target: str, root: Path, process: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Return name -> (text, where from) of the .env files and, above them, the process."""
    given = _env_file(root / ".env")
    if target:
        if not _TARGET_NAME.match(target):
            raise Misconfigured(
                f"'{target}' is not a target's name: lower-case letters, digits, '-' and '_'.",
                unchanged=_NOTHING_DONE,
                next_step=_list_targets(root),
            )
        path = root / f".env.{target}"
        if not path.is_file() and not _is_in_process_environment(target, process):
            raise Misconfigured(
                f"There is no target '{target}': the file .env.{target} does not exist in {root}.",
                unchanged=_NOTHING_DONE,
                next_step=_list_targets(root),
            )
        given |= _env_file(path)
    given |= {name: (text, "environment") for name, text in process.items()}
    if target:
        given["SHIPWAY_TARGET"] = (target, "--target")
    else:
        given.pop("SHIPWAY_TARGET", None)
    return given


def _is_in_process_environment(target: str, process: Mapping[str, str]) -> bool:
    """Whether the process environment is this target's own, as in a CI system without files.

    A database alone does not say so: its URL may be left over in somebody's shell.
    """
    return process.get("SHIPWAY_TARGET") == target and bool(process.get("DATABASE_URL"))


def _list_targets(root: Path) -> str:
    known = target_files(root)
    if known:
        return f"Use one of: {', '.join(known)}; or copy .env.example to a new .env.<target>."
    return (
        "Copy .env.example to .env.<target> and fill it in, or start with: invoke sandbox.up. "
        "A CI system sets SHIPWAY_TARGET and DATABASE_URL instead."
    )


def _env_file(path: Path) -> dict[str, tuple[str, str]]:
    if not path.is_file():
        return {}
    from dotenv.parser import parse_stream  # noqa: PLC0415 - CI has no such file

    found: dict[str, tuple[str, str]] = {}
    try:
        with path.open(encoding="utf-8-sig") as stream:
            for binding in parse_stream(stream):
                if binding.error:
                    raise Misconfigured(
                        f"{path.name}, line {binding.original.line}: not of the form NAME=value.",
                        unchanged=_NOTHING_DONE,
                        next_step=f"Mend that line of {path}; quote values that hold spaces or #.",
                    )
                if binding.key is not None and binding.value is not None:
                    found[binding.key] = (binding.value, path.name)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Misconfigured(
            f"{path.name} cannot be read: {reason}.",
            unchanged=_NOTHING_DONE,
            next_step=f"Make {path} a readable UTF-8 text file.",
        ) from None
    return found


def _policies(root: Path) -> dict[str, tuple[Any, str]]:
    """Return name -> (value, where from) of pyproject.toml or shipway.toml."""
    in_pyproject = _toml(root / "pyproject.toml").get("tool", {}).get("shipway")
    own_file = root / "shipway.toml"
    if in_pyproject is not None and own_file.is_file():
        raise Misconfigured(
            "Settings stand in two places: [tool.shipway] of pyproject.toml and shipway.toml.",
            unchanged=_NOTHING_DONE,
            next_step="Keep them in one of the two and delete the other.",
        )
    where = "shipway.toml" if own_file.is_file() else "pyproject.toml"
    table = _toml(own_file) if own_file.is_file() else (in_pyproject or {})
    known = [one.name for one in fields(Settings) if "policy" in one.metadata]
    for name in table:
        if name not in known:
            raise _unknown(name, where, known)
    return {name: (value, where) for name, value in table.items()}


def _toml(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    import tomllib  # noqa: PLC0415 - settings may all stand in the environment

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misconfigured(
            f"{path.name} is not valid TOML: {error}",
            unchanged=_NOTHING_DONE,
            next_step=f"Mend {path}.",
        ) from None


def _lookup(
    one: Field[Any], given: Mapping[str, tuple[str, str]], policies: Mapping[str, tuple[Any, str]]
) -> tuple[Any, str]:
    # An empty variable counts as not given: CI systems pass unset secrets that way.
    text, source = given.get(_in_environment(one), ("", ""))
    if text.strip():
        return text.strip(), source
    return policies.get(one.name, (None, ""))


def _in_environment(one: Field[Any]) -> str:
    return str(one.metadata.get("env", f"SHIPWAY_{one.name.upper()}"))


def _parse(one: Field[Any], raw: Any, source: str) -> Any:
    """Return `raw` as the type that the field declares."""
    kind = str(one.type)
    name = one.name if source.endswith(".toml") else _in_environment(one)
    called = one.metadata.get("called")
    if called and raw == called:
        return one.default
    if "Secret" in kind:
        if source.endswith(".toml"):
            raise Misconfigured(
                f"{name} ({source}) is more than a word, and git keeps that file: a URL holds a "
                "password.",
                unchanged=_NOTHING_DONE,
                next_step=f"Take it out there and set {_in_environment(one)} in an .env file or "
                "the environment.",
            )
        return Secret(raw)
    if "tuple" in kind:
        items = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
            raise _wrong(name, source, "is not a list of names")
        return tuple(item.strip() for item in items if item.strip())
    if kind in {"int", "float"}:
        return _number(kind, name, raw, source)
    if kind == "bool":
        return _truth(name, raw, source)
    if not isinstance(raw, str):
        raise _wrong(name, source, "is not a text")
    return Path(raw) if kind.startswith("Path") else raw


def _number(kind: str, name: str, raw: Any, source: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise _wrong(name, source, "is not a number")
    try:
        number = int(raw) if kind == "int" else float(raw)
    except ValueError:
        raise _wrong(name, source, f"is not {'a whole' if kind == 'int' else 'a'} number") from None
    if not 0 <= number < float("inf"):
        raise _wrong(name, source, "is not zero or more")
    return number


def _truth(name: str, raw: Any, source: str) -> bool:
    known = {"true": True, "false": False}
    word = str(raw).lower()
    if word not in known:
        raise _wrong(name, source, "is neither true nor false")
    return known[word]


def _wrong(name: str, source: str, problem: str) -> Misconfigured:
    return Misconfigured(
        f"{name} ({source}) {problem}.",
        unchanged=_NOTHING_DONE,
        next_step=f"Correct {name} where it is set: {source}.",
    )


def _refuse_unknown_overrides(given: Mapping[str, tuple[str, str]]) -> None:
    known = [_in_environment(one) for one in fields(Settings) if "policy" in one.metadata]
    for name, (_, source) in given.items():
        if name.startswith("SHIPWAY_") and name not in {*known, "SHIPWAY_TARGET"}:
            raise _unknown(name, source, [*known, "SHIPWAY_TARGET"])


def _unknown(name: str, where: str, known: list[str]) -> Misconfigured:
    environment_names = {
        one.name: one.metadata["env"] for one in fields(Settings) if "env" in one.metadata
    }
    if name in environment_names:
        return Misconfigured(
            f"'{name}' does not belong in {where}: it comes from the environment.",
            unchanged=_NOTHING_DONE,
            next_step=f"Remove it there and set {environment_names[name]} in an .env file.",
        )
    import difflib  # noqa: PLC0415 - on the way to an error only

    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}? " if near else ""
    return Misconfigured(
        f"Unknown setting '{name}' in {where}.",
        unchanged=_NOTHING_DONE,
        next_step=f"{hint}The settings are listed in docs/settings.md.",
    )
