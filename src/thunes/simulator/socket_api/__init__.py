"""The WebSocket API: the requests of REST as messages, a session that may be logged on, and what accounts are told."""
