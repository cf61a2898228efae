"""What lies below HTTP and the WebSocket protocol: connections that can be cut, stalled and fed in bulk."""
