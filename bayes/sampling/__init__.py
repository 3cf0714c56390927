"""From a model to chains."""
