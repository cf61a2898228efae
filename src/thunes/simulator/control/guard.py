"""Who may use the control API: no page of another site, and nobody without the token where one is asked for."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping

HERE = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Denied(Exception):
    """No: HTTP status and one line."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Guard:
    """Looks at a request's headers. `hosts`: names beside this machine's own that the server is bound to."""

    def __init__(self, token: str = "", hosts: Iterable[str] = ()) -> None:
        self._token = token.encode()
        self._hosts = HERE | {host.lower() for host in hosts}

    def check(self, headers: Mapping[str, str]) -> None:
        """`Denied`: 403 for a foreign Host or any Origin, 401 without the right token."""
        named = {name.lower(): value for name, value in headers.items()}
        # A browser sends Origin for a page, and as Host whatever name somebody has bound to this machine.
        if "origin" in named:
            raise Denied(403, "E-SIM-ORIGIN: web pages may not control the exchange. Ask without an Origin header.")
        if _name(named.get("host", "")) not in self._hosts:
            raise Denied(403, "E-SIM-HOST: this is not the exchange's address. Ask for 127.0.0.1 or localhost.")
        sent = named.get("x-sim-token", "").encode()
        if self._token and not hmac.compare_digest(sent, self._token):
            raise Denied(
                401, "E-SIM-TOKEN: the token is missing or wrong. Send the one printed at start as X-Sim-Token."
            )


def _name(host: str) -> str:
    """A Host header without its port."""
    end = host.rfind("]") + 1  # an IPv6 address has colons of its own
    name, _, _ = host[end:].partition(":")
    return (host[:end] + name).lower()
