"""What the paper does not state."""
