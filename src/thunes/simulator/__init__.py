"""A local exchange that speaks Binance Spot."""
