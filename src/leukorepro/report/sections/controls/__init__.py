"""What the numbers are worth where there is nothing to learn."""
