"""A posterior of bins, for more measurements than chains can carry."""
