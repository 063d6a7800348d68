"""What a study cost in time and memory."""
