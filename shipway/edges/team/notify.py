"""Tells the team about a release: a Slack webhook, a webhook of one's own, or a program."""

from __future__ import annotations

import ipaddress
import json
import shlex
from dataclasses import fields
from typing import TYPE_CHECKING

import httpx

from shipway.edges.machine import process
from shipway.errors import Failed, Misconfigured
from shipway.formats.json_form import json_form
from shipway.values.gates import Event

if TYPE_CHECKING:
    from pathlib import Path

    from shipway.values.basics import Secret
    from shipway.values.gates import Notice

__all__ = ["Command", "Slack", "Webhook"]

_TIMEOUT_S = 10.0
_COMMAND_S = 30.0
_UNCHANGED = "The release itself is not touched by this."
_MARKS = {Event.BEGINS: ":rocket:", Event.ENDED: ":white_check_mark:", Event.FAILED: ":x:"}


class Webhook:
    """POSTs each notice as a JSON document: the fields of `Notice`.

    A webhook's address is a secret: whoever knows it can write to the team. It stands in no
    message.

    Args:
        name: as a person calls it.
        setting: where the address comes from.
        url: https, or http on this machine.

    Raises:
        Misconfigured: an address that is none, or that would go out unencrypted.
    """

    def __init__(self, url: Secret, *, name: str, setting: str) -> None:
        self.name = name
        self._setting = setting
        self._url = _check(url, setting)

    def send(self, notice: Notice) -> None:
        """Send a notice once: said twice it would look like two releases.

        Raises:
            Failed: it did not arrive, as far as can be known.
        """
        try:
            with httpx.Client(
                timeout=_TIMEOUT_S,
                follow_redirects=False,
                # The certificates of the world are read from disk only where there is TLS.
                verify=self._url.startswith("https:"),
            ) as client:
                answer = client.post(self._url, json=self._body(notice))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The error's own text may quote the address.
            raise self._failed(type(error).__name__) from None
        if not answer.is_success:
            raise self._failed(f"it answered {answer.status_code}")

    def _body(self, notice: Notice) -> object:
        return {"shipway": "notice", **_object(notice)}

    def _failed(self, why: str) -> Failed:
        return Failed(
            f"{self.name} was not told: {why}.",
            unchanged=_UNCHANGED,
            next_step=f"Check the address in {self._setting}.",
        )


class Slack(Webhook):
    """POSTs what Slack's incoming webhooks take, and what many chat systems take in its place."""

    def __init__(self, url: Secret) -> None:
        super().__init__(url, name="Slack", setting="SLACK_WEBHOOK_URL")

    def _body(self, notice: Notice) -> object:
        # Slack reads these three as markup (its own rule for text).
        text = notice.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return {"text": f"{_MARKS[notice.event]} {text}"}


class Command:
    """Starts a program with the notice in its environment, as SHIPWAY_NOTICE.

    Args:
        line: the program and its arguments, split as a shell would, but no shell reads them.
        root: the folder where it runs.
    """

    def __init__(self, line: str, *, root: Path) -> None:
        try:
            self._argv = shlex.split(line)
        except ValueError as error:
            raise Misconfigured(
                f"notify_command cannot be split into words: {error}.",
                unchanged="Nothing was started.",
                next_step="Close every quote in notify_command.",
            ) from None
        self._root = root
        self.name = self._argv[0] if self._argv else "notify_command"

    def send(self, notice: Notice) -> None:
        """Run it to its end.

        Raises:
            Failed: it ended with another status than 0, or took more than 30 s.
            Misconfigured: there is no such program.
        """
        ended = process.run(
            self._argv,
            env={"SHIPWAY_NOTICE": json.dumps(_object(notice), ensure_ascii=False)},
            cwd=self._root,
            deadline_s=_COMMAND_S,
        )
        if ended.returncode != 0:
            said = ended.stderr.strip().splitlines()
            raise Failed(
                f"{self.name} ended with status {ended.returncode}"
                + (f": {said[-1][:200]}" if said else "."),
                unchanged=_UNCHANGED,
                next_step="Mend notify_command, or the program that it names.",
            )


def _object(notice: Notice) -> dict[str, object]:
    return {one.name: json_form(getattr(notice, one.name)) for one in fields(notice)}


def _check(url: Secret, setting: str) -> str:
    text = url.reveal()
    try:
        parts = httpx.URL(text)
        safe = parts.scheme == "https" or (parts.scheme == "http" and _loopback(parts.host))
        usable = safe and bool(parts.host)
    except httpx.InvalidURL:
        usable = False
    if not usable:
        raise Misconfigured(
            f"{setting} is not an https address.",
            unchanged="Nobody was told anything.",
            next_step=f"Copy the webhook's address into {setting} again.",
        )
    return text


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
