"""The frames that results hand out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import pandas as pd


class Frame(pl.DataFrame):
    """A polars frame whose `to_pandas` needs pandas only (polars' own wants pyarrow too)."""

    def to_pandas(self, *_: Any, **__: Any) -> pd.DataFrame:
        import pandas as pd

        def column(name: str) -> Any:
            values = self[name].to_numpy()
            return pd.DatetimeIndex(values).tz_localize("UTC") if values.dtype.kind == "M" else values

        return pd.DataFrame({name: column(name) for name in self.columns})


def times(name: str, epoch_ms: Any) -> pl.Series:
    """Epoch milliseconds as a UTC datetime column."""
    return pl.Series(name, epoch_ms, dtype=pl.Int64).cast(pl.Datetime("ms", "UTC"))
