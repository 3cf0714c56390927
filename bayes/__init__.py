"""How the posterior is drawn: the same families as PyMC models."""
