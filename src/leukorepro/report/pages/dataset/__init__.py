"""What is in a dataset, and what was found wrong with it."""
