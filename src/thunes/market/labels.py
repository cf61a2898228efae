"""The label that travels with candles: what they are and where they are from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Self

from thunes.market.versioned import Format
from thunes.model import Candles

KEY = "thunes"  # name of the label in Parquet metadata
FORMAT = Format("candle label", 1)


@dataclass(frozen=True)
class Label:
    """Symbol, interval, source and the fingerprint of the content it was written for."""

    symbol: str
    interval: str
    source: str
    fingerprint: str

    @classmethod
    def of(cls, candles: Candles) -> Self:
        return cls(candles.symbol, candles.interval, candles.source, candles.fingerprint())

    @classmethod
    def loads(cls, text: str | bytes, where: str) -> Self:
        """Parse a label. Errors: `DataError` when damaged or newer than this program."""
        document = FORMAT.load(text, where)
        return cls(**{name: str(document.get(name, "")) for name in cls.__dataclass_fields__})

    def dumps(self) -> str:
        return FORMAT.dump(asdict(self)).decode()

    def source_of(self, candles: Candles, fallback: str) -> str:
        """The labelled source where the content is still the labelled one, else `fallback`.

        Synthetic stays synthetic whatever was done to it; a real source does not vouch for an edited file.
        """
        labelled = candles.replace(symbol=self.symbol, interval=self.interval, source=self.source)
        unchanged = labelled.fingerprint() == self.fingerprint
        return self.source if unchanged or labelled.is_synthetic else fallback
