"""From a promoted strategy to booked fills: the ledger, the trader."""
