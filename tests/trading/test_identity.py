"""Client order ids are a function of the decision."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from thunes.trading.identity import client_order_id, is_ours

names, bars = st.text(min_size=1, max_size=30), st.integers(0, 10**14)


@given(strategy=names, symbol=names, bar=bars, side=st.sampled_from(["BUY", "SELL"]), leg=st.sampled_from(["m", "s"]))
def test_an_id_is_one_that_the_exchange_takes(strategy: str, symbol: str, bar: int, side: str, leg: str) -> None:
    name = client_order_id(strategy, symbol, bar, side, leg)  # type: ignore[arg-type]
    assert re.fullmatch(r"[a-zA-Z0-9-_]{1,36}", name)
    assert name == client_order_id(strategy, symbol, bar, side, leg)  # type: ignore[arg-type]
    assert is_ours(name)


def test_another_decision_has_another_id() -> None:
    known = {
        client_order_id(strategy, symbol, bar, side, leg)  # type: ignore[arg-type]
        for strategy in ("sma_cross", "ema_cross")
        for symbol in ("BTCUSDT", "ETHUSDT")
        for bar in (0, 3_600_000)
        for side in ("BUY", "SELL")
        for leg in ("m", "s")
    }
    assert len(known) == 32
    assert not is_ours("x-HNA2TXFJ1")
