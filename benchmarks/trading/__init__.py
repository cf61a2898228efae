"""The order path: how long from a decision to the wire, how many orders, what the trail costs."""
