"""What clients ask, and what they are answered: the same for REST and the WebSocket API."""
