"""Candles as Parquet bytes, with their label inside."""

from __future__ import annotations

import io

import polars as pl

from thunes.errors import DataError
from thunes.market.labels import KEY, Label
from thunes.market.tables import UNREADABLE
from thunes.model import Candles


def encode(candles: Candles) -> bytes:
    """One Parquet file: the six columns, the label under the metadata key `thunes`."""
    buffer = io.BytesIO()
    candles.to_frame().write_parquet(buffer, metadata={KEY: Label.of(candles).dumps()})
    return buffer.getvalue()


def decode(content: bytes, name: str) -> tuple[pl.DataFrame, Label | None]:
    """The table as it stands, and its label where it has one."""
    try:
        table = pl.read_parquet(io.BytesIO(content))
        label = pl.read_parquet_metadata(io.BytesIO(content)).get(KEY)
    except UNREADABLE as e:
        raise DataError("E-DATA-PARQUET", f"{name} is damaged or no Parquet file.") from e
    return table, Label.loads(label, name) if label else None
