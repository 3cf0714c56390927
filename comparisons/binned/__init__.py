"""A posterior of binned measurements, where there are too many for the sampler."""
