"""Whether the two agree."""
