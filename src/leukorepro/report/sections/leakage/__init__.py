"""What tested rows are known by."""
