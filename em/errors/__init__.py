"""Standard errors, free coordinates, and log-likelihoods at given parameters."""
