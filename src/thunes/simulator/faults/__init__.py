"""Everything that may go wrong with an exchange, on purpose."""
