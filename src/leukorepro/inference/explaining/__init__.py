"""What in an image a fitted system's decision rests on, and how much of that lies beside the cell."""
