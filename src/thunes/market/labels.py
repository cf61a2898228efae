"""The label that travels with candles, saying what they are and where they are from; and Parquet, which holds it."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from typing import Self

import polars as pl

from thunes.errors import DataError
from thunes.market.tables import UNREADABLE
from thunes.model import Candles
from thunes.storage.versioned import Format

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


def to_parquet(candles: Candles) -> bytes:
    """One Parquet file: the six columns, the label under the metadata key `thunes`."""
    buffer = io.BytesIO()
    candles.to_frame().write_parquet(buffer, metadata={KEY: Label.of(candles).dumps()})
    return buffer.getvalue()


def from_parquet(content: bytes, name: str) -> tuple[pl.DataFrame, Label | None]:
    """The table as it stands, and its label where it has one."""
    try:
        table = pl.read_parquet(io.BytesIO(content))
        label = pl.read_parquet_metadata(io.BytesIO(content)).get(KEY)
    except UNREADABLE as e:
        raise DataError("E-DATA-PARQUET", f"{name} is damaged or no Parquet file.") from e
    return table, Label.loads(label, name) if label else None
