"""From chains to a posterior in ArviZ's layout, and what can be asked of it."""
