"""What a run comes to: names looked up, defaults filled in, what is needed and where it lies."""
