"""API answers as their descriptions allow them, and as they may become: new words, fewer fields.

The shapes are those of Supabase's Management API (v1, May 2026), of Vercel's REST API and of
GitHub's, cut down to what a client may look at. What a description requires is there; what it does
not require may be missing; a word that is one of a list may be a new one.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["ANSWERS", "Answer"]

Answer = st.SearchStrategy[Any]

TEXT = st.text(max_size=12) | st.sampled_from(["", " ", "\x00", "ä\n", "2026-11-22T10:00:00Z"])
NUMBER = st.integers(-(2**70), 2**70) | st.floats() | st.sampled_from([0, 1_763_800_000, 1e308])
TRUTH = st.booleans()
ANYTHING = st.none() | TRUTH | NUMBER | TEXT | st.lists(TEXT, max_size=2)


def word(*known: str) -> Answer:
    """One of a list, or a word that is newer than the list."""
    return st.sampled_from(known) | TEXT


def some(one: Answer) -> Answer:
    return st.lists(one, max_size=3)


def thing(required: dict[str, Answer], optional: dict[str, Answer] | None = None) -> Answer:
    """An object: with what is required, with any of what is not, and with a field nobody knows."""
    return st.fixed_dictionaries(required, optional={**(optional or {}), "newField": ANYTHING})


def maybe(one: Answer) -> Answer:
    """Nullable, as the description says."""
    return st.none() | one


PROJECT = thing(
    {
        "id": TEXT,
        "ref": TEXT,
        "name": TEXT,
        "region": TEXT,
        "created_at": TEXT,
        "status": word("ACTIVE_HEALTHY", "INACTIVE", "RESTORING"),
        "database": thing({"host": TEXT, "version": TEXT}, {"postgres_engine": TEXT}),
    },
)
HEALTH = some(
    thing(
        {"name": word("auth", "db"), "healthy": TRUTH, "status": word("ACTIVE_HEALTHY")},
        {"info": thing({}, {"version": TEXT}), "error": TEXT},
    )
)
READONLY = thing({"enabled": TRUTH, "override_enabled": TRUTH, "override_active_until": TEXT})
DISK = thing(
    {
        "timestamp": TEXT,
        "metrics": thing(
            {"fs_size_bytes": NUMBER, "fs_avail_bytes": NUMBER, "fs_used_bytes": NUMBER}
        ),
    }
)
BACKUPS = thing(
    {
        "region": TEXT,
        "walg_enabled": TRUTH,
        "pitr_enabled": TRUTH,
        "backups": some(
            thing(
                {"is_physical_backup": TRUTH, "status": word("COMPLETED"), "inserted_at": TEXT},
                {"id": NUMBER},
            )
        ),
        "physical_backup_data": thing(
            {},
            {
                "earliest_physical_backup_date_unix": NUMBER,
                "latest_physical_backup_date_unix": NUMBER,
            },
        ),
    }
)
LINT = thing(
    {"name": TEXT, "title": TEXT, "level": word("ERROR", "WARN"), "detail": TEXT},
    {"remediation": TEXT, "metadata": maybe(thing({}, {"schema": TEXT})), "cache_key": TEXT},
)
ADVICE = thing({"lints": some(LINT)})

ALIAS = thing({"domain": TEXT}, {"target": word("PRODUCTION"), "redirect": maybe(TEXT)})
DEPLOYMENT = thing(
    {"id": TEXT, "url": TEXT},
    {
        "readyState": word("READY", "ERROR", "QUEUED"),
        "target": maybe(word("production")),
        "meta": maybe(st.dictionaries(TEXT, ANYTHING, max_size=3)),
        "createdAt": NUMBER,
        "aliasError": maybe(thing({}, {"code": TEXT, "message": TEXT})),
        "autoAssignCustomDomains": maybe(TRUTH),
        "inspectorUrl": maybe(TEXT),
        "checksConclusion": word("succeeded", "failed"),
        "errorMessage": maybe(TEXT),
        "seatBlock": maybe(thing({}, {"blockCode": TEXT})),
    },
)
VERCEL_PROJECT = thing(
    {"id": TEXT, "name": TEXT},
    {
        "targets": st.dictionaries(
            word("production"), maybe(thing({}, {"id": TEXT, "alias": some(TEXT)})), max_size=2
        ),
        "alias": some(ALIAS),
        "link": maybe(
            thing({"type": word("github", "gitlab")}, {"repo": TEXT, "org": TEXT, "repoId": NUMBER})
        ),
        "lastAliasRequest": maybe(
            thing(
                {"jobStatus": word("succeeded"), "type": word("promote", "rollback")},
                {"requestedAt": NUMBER, "toDeploymentId": TEXT},
            )
        ),
        "rollingRelease": maybe(thing({})),
        "autoAssignCustomDomains": TRUTH,
        # The same answer is read as the list of its domains and of its deployments.
        "domains": some(thing({"name": TEXT}, {"redirect": maybe(TEXT), "verified": TRUTH})),
        "deployments": some(thing({"uid": TEXT}, {"meta": maybe(thing({}))})),
        "pagination": maybe(thing({"count": NUMBER}, {"next": maybe(NUMBER)})),
    },
)
EVENTS = some(
    thing(
        {"type": word("stdout", "stderr", "fatal")},
        {
            "created": NUMBER,
            "payload": maybe(thing({}, {"text": maybe(TEXT), "serial": TEXT})),
            "text": TEXT,
            "level": word("error"),
        },
    )
)
CHECKS = thing(
    {"total_count": NUMBER},
    {
        "check_runs": some(
            thing(
                {"name": TEXT, "status": word("completed", "queued")},
                {
                    "conclusion": maybe(word("success", "failure", "neutral")),
                    "details_url": maybe(TEXT),
                },
            )
        ),
        "statuses": some(thing({"state": word("success", "pending")}, {"context": TEXT})),
    },
)

ANSWERS: dict[str, Answer] = {
    "project": PROJECT,
    "health": HEALTH,
    "readonly": READONLY,
    "disk": DISK,
    "backups": BACKUPS,
    "advice": ADVICE,
    "get": DEPLOYMENT,
    "hosting": VERCEL_PROJECT,
    "build_log": EVENTS,
    "checks": CHECKS,
}
"""What is asked, by the name of the method that asks it, to what may be answered."""
