"""Which row is in which group, by both answers: of the rows of a comparison, and of new ones."""
