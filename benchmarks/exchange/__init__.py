"""The local exchange beside bare applications: orders, streams, candles, memory."""
