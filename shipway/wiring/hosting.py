"""The Vercel project: its deployments, its logs and its pages."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from shipway.edges.machine.log_memory import LogMemory
from shipway.edges.vercel.api import Vercel
from shipway.edges.vercel.build_log import BuildLogFile
from shipway.edges.vercel.cli import VercelCli
from shipway.edges.vercel.commits import git_commit
from shipway.edges.vercel.log_history import VercelHistory
from shipway.edges.vercel.logs import VercelLogs
from shipway.edges.web.http import Api
from shipway.edges.web.visitor import Web
from shipway.errors import Misconfigured
from shipway.schema.expectations import load_expectations
from shipway.steps.deploy.automatic_rollback import OldCode
from shipway.steps.deploy.plan import LiveTerms, plan_deploy
from shipway.steps.deploy.powers import DeployPowers, ProductionPowers
from shipway.steps.deploy.smoke import read_pages
from shipway.steps.journal.effects import unannounced
from shipway.steps.watch.log_stream import Listening, join_baselines
from shipway.steps.watch.plan import WatchPlan
from shipway.steps.watch.powers import WatchPowers
from shipway.values.basics import Unproven
from shipway.values.hosting import RELEASE_META
from shipway.values.migrations import Phase
from shipway.wiring.given import required
from shipway.wiring.sources import SourceWiring

if TYPE_CHECKING:
    from shipway.steps.deploy.plan import DeployPlan
    from shipway.steps.deploy.smoke import SmokePage
    from shipway.steps.journal.effects import Piece
    from shipway.values.basics import Say, Secret
    from shipway.values.hosting import Deployed
    from shipway.values.logs import Baseline
    from shipway.wiring import Wiring

__all__ = ["HostingWiring"]


class HostingWiring:
    """What commands ask of Vercel and of the pages that it serves."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._settings = wiring.settings

    @property
    def _token(self) -> Secret:
        return required(self._settings.vercel_token, "VERCEL_TOKEN", self._settings)

    @cached_property
    def _api(self) -> Api:
        api = Api(
            name="Vercel",
            base_url=self._settings.vercel_api_url,
            setting="VERCEL_API_URL",
            token=self._token,
            clock=self._wiring.clock,
            timeout_s=self._settings.http_timeout_s,
        )
        return self._wiring.closing().enter_context(api)

    @property
    def _project_id(self) -> str:
        return required(self._settings.vercel_project_id, "VERCEL_PROJECT_ID", self._settings)

    @cached_property
    def vercel(self) -> Vercel:
        """The Vercel project."""
        api = self._api
        settings = self._settings
        cli = VercelCli(
            token=self._token,
            project_id=self._project_id,
            org_id=settings.vercel_org_id,
            api_url=settings.vercel_api_url if "VERCEL_API_URL" in settings.sources else None,
        )
        return Vercel(api, project_id=self._project_id, team_id=settings.vercel_org_id, cli=cli)

    @cached_property
    def logs(self) -> VercelLogs:
        """The runtime logs of the Vercel project."""
        return VercelLogs(
            self._api,
            project_id=self._project_id,
            team_id=self._settings.vercel_org_id,
            clock=self._wiring.clock,
        )

    @property
    def history(self) -> VercelHistory:
        """What the logs of the Vercel project tell of the past."""
        return VercelHistory(
            self._api,
            # The call knows the id alone; what was configured may be the project's name.
            project_id=self.vercel.hosting().project_id,
            team_id=self._settings.vercel_org_id,
            clock=self._wiring.clock,
        )

    @cached_property
    def listening(self) -> Listening:
        """Tails of logs that are opened ahead of time."""
        return self._wiring.closing().enter_context(Listening(self.logs, self._wiring.clock))

    @cached_property
    def web(self) -> Web:
        """A visitor of the app's pages."""
        web = Web(
            clock=self._wiring.clock,
            timeout_s=self._settings.smoke_timeout_s,
            bypass=self._settings.vercel_bypass_secret,
        )
        return self._wiring.closing().enter_context(web)

    @property
    def build_first(self) -> bool:
        """Whether the app is built before the database is touched."""
        known = {"after-verify": False, "before-migrate": True}
        chosen = self._settings.build
        if chosen not in known:
            raise Misconfigured(
                f"build = '{chosen}' is not a time to build.",
                unchanged="Nothing was changed.",
                next_step=f"Set build to one of: {', '.join(known)}",
            )
        return known[chosen]

    @cached_property
    def sources(self) -> SourceWiring:
        """What the app is deployed from."""
        return SourceWiring(self._settings)

    def production_powers(self, say: Say) -> ProductionPowers:
        """Return what production is moved with."""
        return ProductionPowers(vercel=self.vercel, web=self.web, clock=self._wiring.clock, say=say)

    def deploy_powers(
        self, release_id: str, say: Say, *, piece: Piece = unannounced
    ) -> DeployPowers:
        """Return what a release is deployed with; its build's log is kept with it."""
        path = self._wiring.releases_folder / release_id / "build.log"
        return DeployPowers(
            vercel=self.vercel,
            web=self.web,
            build_log=BuildLogFile(path, secrets=self._settings.secrets()),
            clock=self._wiring.clock,
            say=say,
            piece=piece,
        )

    def watch_powers(self, say: Say) -> WatchPowers:
        """Return what a deployment is watched by, beside its own log."""
        return WatchPowers(
            database=self._wiring.database_logs,
            web=self.web,
            clock=self._wiring.clock,
            say=say,
        )

    def pages(self) -> tuple[SmokePage, ...]:
        """Return the pages of the smoke test."""
        return read_pages(self._settings.under_root(self._settings.checks_dir) / "smoke.toml")

    def deploy_plan(self, release_id: str, ledger_version: int | None) -> DeployPlan:
        """Return what would be deployed."""
        settings, hosting = self._settings, self.vercel.hosting()
        source, why = self.sources.chosen(hosting.git)
        return plan_deploy(
            release_id=release_id,
            hosting=hosting,
            source=source,
            source_why=why,
            pages=self.pages(),
            commit=git_commit(self.sources.folder),
            ledger_version=ledger_version,
            build_timeout_s=settings.deploy_timeout_s,
            promote_timeout_s=settings.promote_timeout_s,
            target=settings.target,
        )

    def live_terms(self) -> LiveTerms:
        """Return how a deployment that is built already is put live."""
        return LiveTerms(
            target=self._settings.target,
            previous_id=self.vercel.hosting().production_id,
            pages=self.pages(),
            promote_timeout_s=self._settings.promote_timeout_s,
        )

    def watch_plan(self, deployment_id: str, base_url: str, window_s: float) -> WatchPlan:
        """Return what is watched, and what counts as bad."""
        settings = self._settings
        return WatchPlan(
            deployment_id=deployment_id,
            base_url=base_url,
            pages=self.pages(),
            window_s=window_s,
            probe_every_s=settings.watch_probe_every_s,
            min_requests=settings.watch_min_requests,
            max_error_rate=settings.watch_max_error_rate,
            baseline=self.log_memory.read(),
            not_enough_fails=self._not_enough_fails,
        )

    def watch_plan_of(self, deployed: Deployed, heard: Baseline) -> WatchPlan:
        """Return the watch that follows a deployment in a release."""
        plan = self.watch_plan(
            deployed.deployment.deployment_id,
            deployed.production_url,
            self._settings.watch_window_s,
        )
        # The database's errors count from the first visit of the new version, which was ours. A
        # build may be much older than that.
        first_visit = self.listening.since(deployed.deployment.deployment_id)
        return replace(
            plan,
            baseline=join_baselines(plan.baseline, heard),
            database_since=first_visit or deployed.promoted_at,
            shows_rows=self._settings.show_rows,
        )

    @property
    def _not_enough_fails(self) -> bool:
        known = {"finish": False, "fail": True}
        chosen = self._settings.watch_not_enough
        if chosen not in known:
            raise Misconfigured(
                f"watch_not_enough = '{chosen}' is not a meaning of NOT ENOUGH EVIDENCE.",
                unchanged="Nothing was changed.",
                next_step=f"Set watch_not_enough to one of: {', '.join(known)}",
            )
        return known[chosen]

    @property
    def log_memory(self) -> LogMemory:
        """What the logs of earlier versions were like."""
        state = self._wiring.state
        return LogMemory(state / "logs" / f"{self._settings.target}.json")

    def old_code(self, deployed: Deployed) -> OldCode | Unproven:
        """Return what is known of the version that served before a deployment."""
        back = "invoke deploy.rollback"
        if deployed.previous_id is None:
            return Unproven(missing="it is the first deployment of the project.", command=back)
        meta = self.vercel.get(deployed.previous_id).meta
        kept = self._wiring.journals.kept(meta.get(RELEASE_META, ""))
        if kept is None:
            return Unproven(
                missing=f"the checks of {deployed.previous_id}, which served before, are neither "
                "on this machine nor in the journal of its release, so it is not known whether "
                "that code fits the database.",
                command=back,
            )
        settings = self._settings
        contract = {
            one.label for one in self._wiring.database.files() if one.phase is Phase.CONTRACT
        }
        return OldCode(
            release_id=meta[RELEASE_META],
            deployment_id=deployed.previous_id,
            expectations=load_expectations(
                kept.checks_dir,
                exposed_schemas=settings.exposed_schemas,
                timeout_s=settings.check_timeout_s,
            ),
            pages=read_pages(kept.checks_dir / "smoke.toml"),
            contracted=tuple(
                row.label
                for row in self._wiring.database.ledger_state().applied
                if row.label in contract - kept.migrations
            ),
        )
