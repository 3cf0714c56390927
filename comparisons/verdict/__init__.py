"""What is measured of two answers, and what it means."""
