"""Supabase's advisors: what both versions of the call are asked, and how their answers read."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from shipway.values.inspection import Advice

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["GONE", "KINDS", "advice_in", "run_bodies"]

KINDS: Final = ("security", "performance")
"""What version 1 is asked for, each by a call of its own. It is deprecated and still there."""
GONE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""What it will answer one day; then its successor is asked."""
_UNAVAILABLE: Final = frozenset({"advisor_check_unavailable", "project_not_active"})
"""Names in an answer that are no findings: something could not be looked at."""

_MOST_AT_ONCE: Final = 15
# What a release can change, or stands on. The successor knows more names: of the platform's
# instances and of today's error rates, which come and go by themselves.
_LINTS: Final = (
    "unindexed_foreign_keys",
    "auth_users_exposed",
    "auth_rls_initplan",
    "no_primary_key",
    "unused_index",
    "multiple_permissive_policies",
    "policy_exists_rls_disabled",
    "rls_enabled_no_policy",
    "duplicate_index",
    "security_definer_view",
    "function_search_path_mutable",
    "rls_disabled_in_public",
    "extension_in_public",
    "rls_references_user_metadata",
    "materialized_view_in_api",
    "foreign_table_in_api",
    "unsupported_reg_types",
    "auth_otp_long_expiry",
    "auth_otp_short_length",
    "ssl_not_enforced",
    "log_connections_not_enabled",
    "network_restrictions_not_set",
    "password_requirements_min_length",
    "pitr_not_enabled",
    "auth_leaked_password_protection",
    "auth_insufficient_mfa_options",
    "auth_password_policy_missing",
    "leaked_service_key",
    "no_backup_admin",
    "vulnerable_postgres_version",
)


def run_bodies() -> Iterator[Mapping[str, object]]:
    """Yield what the successor is asked: one call takes 15 names at most."""
    for start in range(0, len(_LINTS), _MOST_AT_ONCE):
        lints = [{"name": name} for name in _LINTS[start : start + _MOST_AT_ONCE]]
        yield {"data": {"type": "project_advisors", "attributes": {"lints": lints}}}


def advice_in(answer: Mapping[str, object]) -> Iterator[Advice]:
    """Yield the findings in an answer of either version."""
    data = answer.get("data")
    attributes = data.get("attributes") if isinstance(data, dict) else answer
    listed = attributes.get("lints") if isinstance(attributes, dict) else None
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict):
            yield Advice(
                key=_text(one.get("cache_key")),
                name=_text(one.get("name")),
                level=_text(one.get("level")),
                detail=_text(one.get("detail")).replace("\\`", "'"),
                remedy=_text(one.get("remediation")),
                available=one.get("name") not in _UNAVAILABLE,
            )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
