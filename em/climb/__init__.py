"""Climbs: the loop, its starts, where they end."""
