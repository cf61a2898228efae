"""Pauses of symbols, which outlive a restart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from thunes.clock import ManualClock
from thunes.trading.ledger.ledger import Ledger
from thunes.trading.ledger.values import SymbolPause

PAUSE = SymbolPause("BTCUSDT", "E-PRICE-JUMP", "the price went up: 1 → 1000", 5)


@pytest.mark.covers("fault 45")
def test_a_pause_is_found_again_until_it_is_lifted(ledger: Ledger, place: Path | str, clock: ManualClock) -> None:
    assert (ledger.pause_of("BTCUSDT"), ledger.pauses()) == (None, [])
    ledger.pause(PAUSE)
    other = replace(PAUSE, symbol="ADAUSDT")
    ledger.pause(other)
    with Ledger.open(place, "sim", clock) as again:
        assert again.pause_of("BTCUSDT") == PAUSE
        assert again.pauses() == [other, PAUSE]
    lifted = replace(PAUSE, lifted_ms=7)
    ledger.pause(lifted)
    assert (ledger.pause_of("BTCUSDT"), lifted.holds, ledger.pauses()) == (lifted, False, [other])
