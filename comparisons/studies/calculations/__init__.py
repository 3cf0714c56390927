"""What studies compute beside EM and the posterior."""
