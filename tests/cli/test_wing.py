"""How the trading wing is wired."""

from __future__ import annotations

import pytest

from thunes.cli.wing import in_environment, on_testnet
from thunes.exchange.binance.breaker import FAILURES
from thunes.risk.request import RiskRequest
from thunes.risk.verdict import Denial

pytestmark = pytest.mark.loopback  # python-binance opens a socket pair even where nothing is sent


def test_risk_sees_the_circuit_breaker_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINANCE_TESTNET_API_KEY", "key")
    monkeypatch.setenv("BINANCE_TESTNET_API_SECRET", "secret")
    with on_testnet(in_environment("testnet")) as wing:
        assert wing.venue is not None
        breaker = wing.venue.shared.monitor.breaker("entries")
        assert wing.risk.get_risk_status()["circuit_breaker_status"] == "closed"
        for _ in range(FAILURES):
            breaker.record(success=False)
        status = wing.risk.get_risk_status()
        assert (status["circuit_breaker_status"], status["state"]) == ("open", "REDUCING")
        wing.risk.on_mark(status["daily_loss_limit"])
        denied = wing.risk.reserve(RiskRequest("a", "BTCUSDT", "entry", status["daily_loss_limit"]))
        assert isinstance(denied, Denial)
        assert denied.code == "E-RISK-BREAKER"
