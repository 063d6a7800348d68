"""Write split tables."""
