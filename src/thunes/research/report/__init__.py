"""The report of one backtest: in the terminal, as files, and as a page to look at."""
