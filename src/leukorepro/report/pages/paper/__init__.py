"""What became of one paper."""
