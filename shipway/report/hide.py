"""Takes secrets out of every text before a person or a file gets it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shipway.values import Secret

__all__ = ["Hide"]

HIDDEN = "(hidden)"
_SHORTEST = 4
"""Shorter texts stand in too many innocent words to be hidden by replacing them."""


class Hide:
    """The second line of defence: the first is that no message is built with a secret in it.

    Args:
        secrets: what was configured. Of a URL the whole text and its password are hidden, the
            password also in its percent-encoded form; not a password that equals the user's name,
            as on a developer's own machine, because hiding it would only garble the output.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        texts: set[str] = set()
        for secret in secrets:
            texts |= _texts(secret.reveal())
        # Longest first: a URL is hidden whole before the password inside it.
        self._texts = sorted((text for text in texts if len(text) >= _SHORTEST), key=len)[::-1]

    def __call__(self, text: str) -> str:
        """Return `text` with every secret in it replaced."""
        for secret in self._texts:
            text = text.replace(secret, HIDDEN)
        return text


def _texts(secret: str) -> set[str]:
    found = {secret}
    try:
        parts = urlsplit(secret)
        password, user = parts.password, parts.username
    except ValueError:
        # Not a URL that can be taken apart; hide what stands where a password would.
        _, _, rest = secret.partition("://")
        password, user = rest.rpartition("@")[0].partition(":")[2], None
    if password and unquote(password) != user:
        found |= {password, unquote(password)}
    return found
