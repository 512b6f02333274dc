"""What each GET has shown, so that a stand-in can show it again when it is not true any more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from shipway.sandbox.wire import Request, Response

__all__ = ["Shown"]

_MOST_PAGES = 500
_Key: TypeAlias = "tuple[str, str]"


class Shown:
    """The last answers of every GET: the newest, and the one before it that said something else."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: dict[_Key, Response] = {}
        self._before: dict[_Key, Response] = {}

    def keep(self, request: Request, response: Response) -> None:
        """Remember an answer."""
        if request.method != "GET" or response.file is not None or response.stream is not None:
            return
        key = _key(request)
        with self._lock:
            known = self._newest.get(key)
            if known is not None and known.body != response.body:
                self._before[key] = known
            if known is None and len(self._newest) >= _MOST_PAGES:
                self._newest.clear()
                self._before.clear()
            self._newest[key] = response

    def before(self, request: Request) -> Response | None:
        """Return what a GET answered before its answer last changed; None when it never did."""
        with self._lock:
            return self._before.get(_key(request))


def _key(request: Request) -> _Key:
    return request.path, str(sorted(request.query.items()))
