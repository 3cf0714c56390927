"""Slips planted one at a time on either side; the comparison has to name their cause."""
