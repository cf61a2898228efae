"""A process that books trades of a symbol, twenty that all book and twenty of its own; prints how many were new."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.trading.ledger.making import IN_USDT, fill

from thunes.clock import SystemClock
from thunes.trading.ledger.ledger import Ledger

kind, place, number = sys.argv[1:]
own = 1_000 * int(number)
with Ledger.open(place if kind == "str" else Path(place), "sim", SystemClock()) as ledger:
    newly = 0
    for trade in range(20):
        newly += len(ledger.book([fill(trade), fill(own + trade)], IN_USDT))
sys.stdout.write(str(newly))
