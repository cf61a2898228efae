"""The gates between a tuned parameter set and the trading daemon.

G0  eligible: enough round trips, in the market neither hardly ever nor almost always; asked before a maximum is taken
G1  edge: Hansen's SPA over every set of the declared space, on timing profits; it alone carries the error rate
G2  recent: the stitched walk-forward still has timing profit in the last third of history
G3  earns: its net return is above zero, in sample and out of sample; a floor, not a test

Which of them separate edge from luck, and how often they err, is measured by `make calibrate`.
"""
