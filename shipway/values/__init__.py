"""The frozen values that steps hand to each other: what was found, planned and proven.

A name's module is loaded when the name is first asked for: to make all these classes takes as
long as all else that a short command does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from shipway.values.backup import (
        Backup,
        DatabaseLocale,
        Dumped,
        DumpedSoFar,
        Grade,
        Judged,
        Manifest,
        Platform,
        PlatformBackup,
        PlatformState,
        RestorePoint,
        Role,
        ServiceHealth,
        SessionDefaults,
        SupabaseProject,
    )
    from shipway.values.basics import (
        Clock,
        Plainly,
        Progress,
        Say,
        Secret,
        Unproven,
    )
    from shipway.values.checks import (
        AccessChange,
        Change,
        CheckResult,
        Checks,
        Outcome,
        SchemaChange,
        Verified,
    )
    from shipway.values.exchange import (
        Answer,
        Holder,
        MigrationLimits,
        Session,
        SqlError,
    )
    from shipway.values.gates import (
        Approval,
        Busy,
        CheckState,
        CommitCheck,
        Delivery,
        Disk,
        Event,
        Gate,
        Gated,
        GateState,
        GateTerms,
        Load,
        Notice,
        Tree,
        Waiver,
    )
    from shipway.values.histories import (
        Adopted,
        AdoptPlan,
        Loss,
        Undone,
        UndoPlan,
    )
    from shipway.values.hosting import (
        COMMIT_META,
        LEDGER_META,
        PREVIOUS_META,
        RELEASE_META,
        AliasJob,
        AppFile,
        Asked,
        BuildLine,
        CliSource,
        Deployed,
        Deployment,
        FilesSource,
        FoundCli,
        GitLink,
        GitSource,
        Hosting,
        Page,
        Reply,
        Source,
        WentBack,
    )
    from shipway.values.lint import LintFinding, LintReport, Severity, Weighed
    from shipway.values.logs import (
        Baseline,
        LogRow,
        Verdict,
        Watched,
        WatchSample,
    )
    from shipway.values.migrations import (
        AppliedMigration,
        DoneStep,
        ForeignEntry,
        ForeignHistory,
        LedgerState,
        Migrated,
        Migration,
        MigrationPlan,
        NewMigration,
        Phase,
    )
    from shipway.values.rehearsal import (
        Finding,
        Query,
        RehearsedMigration,
        RehearsedStatement,
        Relation,
        Restored,
        Reversal,
        SampledTable,
        Seal,
        TableContent,
    )
    from shipway.values.releases import (
        Actions,
        Audited,
        Begun,
        KeptChecks,
        KeptFile,
        PlannedFile,
        ReleaseLine,
        Releases,
        ReleaseState,
    )
    from shipway.values.sandbox import (
        SandboxStatus,
    )
    from shipway.values.starting import (
        Fate,
        FoundHistory,
        FoundProject,
        Started,
        StarterFile,
        StarterPlan,
    )

_HOMES: Final = {
    "backup": (
        "Backup",
        "DatabaseLocale",
        "Dumped",
        "DumpedSoFar",
        "Grade",
        "Judged",
        "Manifest",
        "Platform",
        "PlatformBackup",
        "PlatformState",
        "RestorePoint",
        "Role",
        "ServiceHealth",
        "SessionDefaults",
        "SupabaseProject",
    ),
    "basics": (
        "Clock",
        "Plainly",
        "Progress",
        "Say",
        "Secret",
        "Unproven",
    ),
    "checks": (
        "AccessChange",
        "Change",
        "CheckResult",
        "Checks",
        "Outcome",
        "SchemaChange",
        "Verified",
    ),
    "gates": (
        "Approval",
        "Busy",
        "CheckState",
        "CommitCheck",
        "Delivery",
        "Disk",
        "Event",
        "Gate",
        "Gated",
        "GateState",
        "GateTerms",
        "Load",
        "Notice",
        "Tree",
        "Waiver",
    ),
    "hosting": (
        "COMMIT_META",
        "LEDGER_META",
        "PREVIOUS_META",
        "RELEASE_META",
        "AliasJob",
        "AppFile",
        "Asked",
        "BuildLine",
        "CliSource",
        "Deployed",
        "Deployment",
        "FilesSource",
        "FoundCli",
        "GitLink",
        "GitSource",
        "Hosting",
        "Page",
        "Reply",
        "Source",
        "WentBack",
    ),
    "lint": (
        "LintFinding",
        "LintReport",
        "Severity",
        "Weighed",
    ),
    "logs": (
        "Baseline",
        "LogRow",
        "Verdict",
        "Watched",
        "WatchSample",
    ),
    "exchange": (
        "Answer",
        "Holder",
        "MigrationLimits",
        "Session",
        "SqlError",
    ),
    "histories": (
        "Adopted",
        "AdoptPlan",
        "Loss",
        "Undone",
        "UndoPlan",
    ),
    "migrations": (
        "ForeignEntry",
        "ForeignHistory",
        "AppliedMigration",
        "DoneStep",
        "LedgerState",
        "Migrated",
        "Migration",
        "MigrationPlan",
        "NewMigration",
        "Phase",
    ),
    "rehearsal": (
        "Finding",
        "Query",
        "RehearsedMigration",
        "RehearsedStatement",
        "Relation",
        "Restored",
        "Reversal",
        "SampledTable",
        "Seal",
        "TableContent",
    ),
    "releases": (
        "Actions",
        "Audited",
        "Begun",
        "KeptChecks",
        "KeptFile",
        "PlannedFile",
        "ReleaseLine",
        "Releases",
        "ReleaseState",
    ),
    "sandbox": ("SandboxStatus",),
    "starting": (
        "Fate",
        "FoundHistory",
        "FoundProject",
        "Started",
        "StarterFile",
        "StarterPlan",
    ),
}

if not TYPE_CHECKING:  # else every misspelt name would have a type

    def __getattr__(name: str) -> object:
        """Load the module in which a name stands."""
        for home, names in _HOMES.items():
            if name in names:
                value = getattr(import_module(f"{__name__}.{home}"), name)
                globals()[name] = value  # found without this function from now on
                return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
