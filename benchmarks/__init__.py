"""Speed and memory of thunes, beside its peers on the same candles: `make bench`."""
