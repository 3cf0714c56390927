"""A comparison as it is kept: a tree, a file, and the facts read back from it."""
