"""Market data as it happens: who listens to what, and what is told to whom."""
