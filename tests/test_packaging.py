"""What the package declares of itself."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def wanted() -> list[Requirement]:
    lists = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    found = [Requirement(text) for one in lists for text in one]
    return [one for one in found if one.name != PROJECT["name"]]


def test_every_dependency_has_a_range_that_ends() -> None:
    assert [one.name for one in wanted() if "<" not in str(one.specifier)] == []


def test_the_lock_holds_a_version_that_is_allowed_for_every_dependency() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert not [line for line in lines if "://" in line]
    locked = dict(
        line.partition(" ;")[0].split("==") for line in lines if line and not line.startswith("#")
    )
    for one in wanted():
        version = locked.get(canonicalize_name(one.name))
        assert version, f"{one.name} is not in constraints.txt; run: scripts/lock"
        assert one.specifier.contains(version), f"{one} has {version}; run: scripts/lock"


def test_the_pythons_that_are_declared_are_those_that_are_allowed() -> None:
    named = [text.rpartition(" ")[2] for text in PROJECT["classifiers"] if ":: 3." in text]
    assert named == ["3.11", "3.12", "3.13", "3.14"]
    assert PROJECT["requires-python"] == f">={named[0]}"
