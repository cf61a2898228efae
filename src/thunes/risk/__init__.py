"""Whether an entry may be made: limits, what counts against them, and the switch that stops everything."""
