"""What was meant, what was sent, what came of it: orders, fills, positions and money, exact to the last digit."""
