"""Where orders go: what may be sent, how it is sent, what became of it."""
