"""How many groups."""
