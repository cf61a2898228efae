"""What the exchange asks of an order, answered before anything is sent.

`ExchangeFilters` (in `prepare`) makes an `OrderTicket` that no rule of the symbol refuses, or a `Denied` that says why
there is none. Nothing here asks the network: rules, prices and holdings are handed in.
"""
