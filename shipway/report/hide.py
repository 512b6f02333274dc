"""Takes secrets out of every text before a person or a file gets it, and makes the rest visible."""

from __future__ import annotations

import json
import logging
import threading
import traceback
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from shipway.formats.visible import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from shipway.values.basics import Secret

__all__ = ["Hide", "hide_elsewhere", "way_to"]

HIDDEN = "(hidden)"
_SHORTEST = 4
"""Shorter texts stand in too many innocent words to be hidden by replacing them."""
_SHORTEST_PATH = 12
"""A shorter path of an address is no secret: `/hook`."""


class Hide:
    """The second line of defence: the first is that no message is built with a secret in it.

    Each secret is found in the forms that it takes on its way into a text: as it is, escaped as in
    JSON or in a Python literal, percent-encoded, and in base64.

    Args:
        secrets: what was configured. Of a URL the whole text and its password are hidden; not a
            password that equals the user's name, as on a developer's own machine, because hiding
            it would only garble the output. Of a webhook's address the path is hidden too.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        texts: set[str] = set()
        for secret in secrets:
            for text in _texts(secret.reveal()):
                texts |= _forms(text)
        # Longest first: a URL is hidden whole before the password inside it.
        self._texts = sorted((text for text in texts if len(text) >= _SHORTEST), key=len)[::-1]

    def __call__(self, text: str) -> str:
        """Return `text` with every secret in it replaced."""
        for secret in self._texts:
            text = text.replace(secret, HIDDEN)
        return text

    def shown(self, text: str) -> str:
        """Return `text` as people get it: without secrets, and nothing in it steers.

        JSON does without: it is for programs, and escapes what it has to by itself.
        """
        return visible(self(text))


def _texts(secret: str) -> set[str]:
    """Return the secret, and the parts of it that are secret by themselves."""
    found = {secret}
    try:
        parts = urlsplit(secret)
        password, user, path = parts.password, parts.username, parts.path
    except ValueError:
        # Not a URL that can be taken apart; hide what stands where a password would.
        _, _, rest = secret.partition("://")
        password, user, path = rest.rpartition("@")[0].partition(":")[2], None, ""
    if password and unquote(password) != user:
        found |= {password, unquote(password)}
    if secret.startswith(("http://", "https://")) and len(path) >= _SHORTEST_PATH:
        found.add(path)
    return found


def _forms(text: str) -> set[str]:
    return {
        text,
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        repr(text)[1:-1],
        quote(text),
        quote(text, safe=""),
        b64encode(text.encode("utf-8", "surrogateescape")).decode().rstrip("="),
    }


def way_to(error: BaseException) -> str:
    """Return an error's traceback, without what Postgres quotes of rows."""
    from shipway.edges.postgres.diagnostics import without_data

    return without_data("".join(traceback.format_exception(error)).rstrip(), error)


def hide_elsewhere(hide: Callable[[str], str], write: Callable[[str], None]) -> None:
    """Hide secrets also in what is written past the screen: libraries' logs, threads that fail.

    `invoke --debug` turns the logs of all libraries on, and HTTP clients log addresses and headers.

    Args:
        hide: takes the secrets out of a text, as they are known at that moment.
        write: puts a text on the screen.
    """
    for handler in logging.getLogger().handlers:
        if not isinstance(handler.formatter, _HidingFormatter):
            handler.setFormatter(_HidingFormatter(handler.formatter or logging.Formatter(), hide))

    def told(failure: threading.ExceptHookArgs) -> None:
        if failure.exc_value is not None:
            write(way_to(failure.exc_value))

    threading.excepthook = told


class _HidingFormatter(logging.Formatter):
    """Formats as another one does, without the secrets."""

    def __init__(self, inner: logging.Formatter, hide: Callable[[str], str]) -> None:
        super().__init__()
        self._inner = inner
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        return self._hide(self._inner.format(record))
