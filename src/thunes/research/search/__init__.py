"""Parameter search: which set of a strategy's declared space did best on folds of history, and how that was found."""
