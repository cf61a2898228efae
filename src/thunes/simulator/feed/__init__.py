"""The market: candles played as ticks, and everything that is a function of them."""
