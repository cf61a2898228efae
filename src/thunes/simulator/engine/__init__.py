"""The exchange proper: orders, books, matching, accounts; synchronous and deterministic."""
