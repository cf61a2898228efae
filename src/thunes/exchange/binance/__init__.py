"""Binance Spot as a `Venue`: REST through python-binance, which nothing else here imports."""
