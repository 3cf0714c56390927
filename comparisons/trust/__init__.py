"""Why the tool itself may be believed: what it gets right, and what it notices."""
