"""The gates measured as an instrument: how often they promote luck, and how often a planted edge."""
