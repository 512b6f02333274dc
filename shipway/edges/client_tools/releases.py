"""What minor releases of PostgreSQL brought that matters to those who dump and restore."""

from __future__ import annotations

from typing import Final

__all__ = ["first_fixed", "missing_fixes", "with_column_versions", "writes_column_versions"]

# Postgres' own security pages: the first minor release of each major that holds the fix.
_FIXED_IN: Final = {
    "CVE-2025-8714 and CVE-2025-8715": {18: 0, 17: 6, 16: 10, 15: 14, 14: 19, 13: 22},
    "CVE-2026-18408": {18: 6, 17: 11, 16: 15, 15: 19, 14: 24},
    "CVE-2026-116314": {18: 7, 17: 12, 16: 16, 15: 20, 14: 25},
}
# Since these a server keeps a version with each column, among its options, and pg_dump leaves it
# out. An older pg_dump writes it down, and no server takes it: each table would fail.
_COLUMN_VERSIONS: Final = {18: 7, 17: 12, 16: 16, 15: 20, 14: 25}


def missing_fixes(version: tuple[int, int]) -> tuple[str, ...]:
    """Return the security fixes that a tool of this version lacks, by CVE."""
    return tuple(cve for cve, fixed in _FIXED_IN.items() if _before(version, fixed))


def first_fixed(major: int) -> str:
    """Return the first version without a known hole: of that major, or of the next that has one."""
    first = {
        one: max(fixed[one] for fixed in _FIXED_IN.values())
        for one in sorted(set[int].intersection(*map(set[int], _FIXED_IN.values())))
    }
    one = next((one for one in first if one >= major), max(first))
    return f"{one}.{first[one]}"


def writes_column_versions(tool: tuple[int, int], server: tuple[int, int]) -> bool:
    """Return whether this pg_dump's archive of that server cannot be restored, see above."""
    return not _before(server, _COLUMN_VERSIONS) and _before(tool, _COLUMN_VERSIONS)


def with_column_versions(major: int) -> str:
    """Return the first versions, of that major and newer ones, whose pg_dump leaves them out."""
    there = sorted(one for one in _COLUMN_VERSIONS if one >= major)
    return " or ".join(f"{one}.{_COLUMN_VERSIONS[one]}" for one in there)


def _before(version: tuple[int, int], first: dict[int, int]) -> bool:
    major, minor = version
    newest_listed = max(max(fixed) for fixed in _FIXED_IN.values())
    # A major that is no longer listed did not get it; one newer than the list was born with it.
    return major <= newest_listed and minor < first.get(major, minor + 1)
