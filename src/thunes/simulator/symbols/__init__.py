"""What is traded: symbols, their filters, and the document that shows them."""
