"""For whom a connection's requests speak: the key that is logged on, or the one that a request brings."""

from __future__ import annotations

from dataclasses import dataclass

from thunes.simulator.api.dispatch import Dispatcher
from thunes.simulator.api.parameters import Parameters, mandatory
from thunes.simulator.api.security import Key, socket_payload, verify_payload
from thunes.simulator.request import Refused


@dataclass(frozen=True, slots=True)
class Logon:
    """A key that is logged on, and since when (epoch ms)."""

    key: Key
    since_ms: int


class Authority:
    """The logon of one connection, and the checks of signed requests."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self.logon: Logon | None = None

    def signer(self, parameters: Parameters) -> Key:
        """The key of a signed request: its own, or the session's, which needs no signature; the time is checked.

        `Refused` for a bad key, time or signature, and with −1102 where neither key is there.
        """
        if self.logon is None or "apiKey" in parameters:
            return self.verified(parameters)
        self._dispatcher.check_timing(parameters)
        key = self.logon.key
        if "signature" in parameters:  # not needed, and yet it must not be wrong
            _verify_signature(key, parameters)
        return key

    def verified(self, parameters: Parameters) -> Key:
        """The key that a request brings, with its signature."""
        key = self._dispatcher.keyring.find(mandatory(parameters, "apiKey"))
        return self._verify(key, parameters)

    def log_on(self, parameters: Parameters) -> None:
        """Log a key on, in place of an earlier one. `Refused` with −2028 unless it is an Ed25519 key."""
        key = self._dispatcher.keyring.find(mandatory(parameters, "apiKey"))
        if key.public_key is None:
            raise Refused(400, -2028, "HMAC-SHA-256 API key is not supported.")
        self._verify(key, parameters)
        self.logon = Logon(key, self._dispatcher.exchange.server_time)

    def _verify(self, key: Key, parameters: Parameters) -> Key:
        self._dispatcher.check_timing(parameters)
        _verify_signature(key, parameters)
        return key

    def check_logon(self) -> None:
        """`Refused` with −2015, and logged out, when the key that is logged on is no longer good."""
        if self.logon is None:
            return
        try:
            self._dispatcher.keyring.find(self.logon.key.api_key)
        except Refused:
            self.logon = None
            raise

    def session_key(self) -> Key:
        """The key that is logged on. `Refused` with −1193 when none is."""
        if self.logon is None:
            message = "WebSocket session not authenticated. Recommendation: use `session.logon`"
            raise Refused(400, -1193, message)
        return self.logon.key


def _verify_signature(key: Key, parameters: Parameters) -> None:
    verify_payload(key, socket_payload(parameters), mandatory(parameters, "signature"))
