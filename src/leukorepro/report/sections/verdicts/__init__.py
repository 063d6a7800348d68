"""What became of every printed number."""
