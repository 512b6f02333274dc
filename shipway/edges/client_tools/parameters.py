"""Parameters of a connection that an older libpq does not know, and which of them it must know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["must_know", "newer", "since"]

# Since which major libpq has a parameter; what is not named here is older than every tool we use.
_SINCE: Final = {
    **dict.fromkeys(("load_balance_hosts", "require_auth", "sslcertmode"), 16),
    **dict.fromkeys(("gssdelegation", "sslnegotiation"), 17),
    **dict.fromkeys(("max_protocol_version", "min_protocol_version", "sslkeylogfile"), 18),
    **dict.fromkeys(("oauth_client_id", "oauth_client_secret", "oauth_issuer", "oauth_scope"), 18),
    **dict.fromkeys(("scram_client_key", "scram_server_key"), 18),
    "servicefile": 19,
}
# A connection without these is no less safe: they share out load, lend credentials, allow more.
_SPARED: Final = ("gssdelegation", "load_balance_hosts", "max_protocol_version", "sslkeylogfile")
# What an older libpq does in any case.
_AS_EVER: Final = {
    ("min_protocol_version", "3.0"),
    ("sslcertmode", "allow"),
    ("sslnegotiation", "postgres"),
}
# Words that an older libpq takes for something else: this one for the name of a file.
_NEWER_WORDS: Final = {("sslrootcert", "system"): "sslcertmode"}


def newer(parameter: str, value: str) -> str:
    """Return the parameter whose knowledge shows that a libpq takes this one; empty: all do."""
    asked = _NEWER_WORDS.get((parameter, value), parameter)
    return asked if asked in _SINCE else ""


def since(parameter: str, value: str) -> int:
    """Return since which major libpq takes a parameter with that value; 0: all do."""
    return _SINCE.get(newer(parameter, value), 0)


def must_know(parameters: Mapping[str, str]) -> Mapping[str, str]:
    """Return the newer ones without which a connection would be less safe, or none at all."""
    return {
        name: value
        for name, value in parameters.items()
        if newer(name, value) and name not in _SPARED and (name, value) not in _AS_EVER
    }
