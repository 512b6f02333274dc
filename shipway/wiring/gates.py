"""What the gates of a release look at: git, CI, the load, disks, approvals, and the team."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from shipway.edges.postgres import connection as postgres
from shipway.errors import Misconfigured
from shipway.values.gates import GateTerms
from shipway.values.lint import Severity

if TYPE_CHECKING:
    from shipway.edges.team.github import GitHub
    from shipway.steps.release.notices import Channel
    from shipway.values.gates import Approval, Disk, Load, Tree, Waiver
    from shipway.values.migrations import MigrationPlan
    from shipway.wiring import Wiring

__all__ = ["GateWiring"]


class GateWiring:
    """What commands ask of the gates' side of the world."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._settings = wiring.settings

    @property
    def asked(self) -> bool:
        """Whether the gates of a team are asked for: not on one's own machine."""
        return self._wiring.database.protected

    @cached_property
    def person(self) -> str:
        """Who sits here, as git or the system says."""
        from shipway.edges.team.person import who

        return who(self._settings.root)

    def tree(self, branch: str) -> Tree:
        """Return the work tree, and the branch as its remote has it."""
        from shipway.edges.team.git import read_tree

        return read_tree(self._settings.root, branch=branch, without=str(self._settings.state_dir))

    def commit(self) -> str:
        """Return the commit that is checked out, without a word on changes."""
        from shipway.edges.team.git import head_of

        return head_of(self._settings.root)

    @cached_property
    def github(self) -> GitHub | None:
        """The repository on GitHub; None without a token."""
        token = self._settings.github_token
        if token is None:
            return None
        from shipway.edges.team.git import repository_of
        from shipway.edges.team.github import GitHub
        from shipway.edges.web.http import Api

        repository = self._settings.github_repository or repository_of(self._settings.root)
        if not repository:
            raise Misconfigured(
                "GITHUB_TOKEN is set, but not which repository it is about.",
                unchanged="Nothing was contacted and nothing was changed.",
                next_step="Set GITHUB_REPOSITORY to owner/name, or add the git remote origin.",
            )
        api = Api(
            name="GitHub",
            base_url=self._settings.github_api_url,
            setting="GITHUB_API_URL",
            token=token,
            clock=self._wiring.clock,
        )
        return GitHub(
            self._wiring.closing().enter_context(api),
            repository=repository,
            run_id=self._settings.github_run_id,
        )

    def load(self) -> Load:
        """Return what the database is busy with now."""
        from shipway.edges.catalog.activity import read_load

        with postgres.connect(
            self._settings.database_url,
            purpose="preflight",
            timeout_s=self._settings.connect_timeout_s,
        ) as connection:
            return read_load(connection)

    def disk(self) -> Disk:
        """Return the room on the disk of the state folder."""
        from shipway.edges.machine.disk import disk_of

        return disk_of(self._wiring.state)

    def digest(self, plan: MigrationPlan) -> str:
        """Return what an approval of the plan is bound to."""
        from shipway.steps.gates.approval import plan_digest

        return plan_digest(
            plan, target=self._settings.target, project_ref=self._settings.project_ref
        )

    def approvals(self, digest: str) -> tuple[Approval, ...]:
        """Return the approvals of one plan."""
        from shipway.edges.ledger.approvals import read_approvals

        with postgres.connect(
            self._settings.database_url,
            purpose="preflight",
            timeout_s=self._settings.connect_timeout_s,
        ) as connection:
            return read_approvals(connection, digest=digest, key=self._settings.backup_signing_key)

    def approve(self, digest: str) -> Approval:
        """Keep the approval of a plan by the person who sits here."""
        from shipway.edges.ledger.approvals import write_approval

        with postgres.connect(
            self._settings.database_url,
            purpose="release.approve",
            timeout_s=self._settings.connect_timeout_s,
        ) as connection:
            return write_approval(
                connection,
                digest=digest,
                by=self.person,
                at=self._wiring.clock.now(),
                key=self._settings.backup_signing_key,
            )

    @cached_property
    def channels(self) -> tuple[Channel, ...]:
        """Return every way to the team that is set; none for a target on this machine."""
        if not self.asked:
            return ()
        from shipway.edges.team.notify import Command, Slack, Webhook

        settings = self._settings
        found: list[Channel] = []
        if settings.slack_webhook_url:
            found.append(Slack(settings.slack_webhook_url))
        if settings.notify_webhook_url:
            name, setting = "the webhook", "NOTIFY_WEBHOOK_URL"
            found.append(Webhook(settings.notify_webhook_url, name=name, setting=setting))
        if settings.notify_command:
            found.append(Command(settings.notify_command, root=settings.root))
        return tuple(found)

    def terms(self, waivers: tuple[Waiver, ...]) -> GateTerms:
        """Return what the gates between rehearsal and migration hold a release to."""
        known = {"serious": Severity.SERIOUS, "warning": Severity.WARNING, "never": None}
        chosen = self._settings.review_stops_at
        if chosen not in known:
            raise Misconfigured(
                f"review_stops_at = '{chosen}' is not known.",
                unchanged="Nothing was changed.",
                next_step=f"Set review_stops_at to one of: {', '.join(known)}",
            )
        return GateTerms(
            waivers=waivers,
            backup_max_age_s=self._settings.backup_max_age_s,
            stops_at=known[chosen] if self.asked else None,
        )
