"""Compute features and fuse them."""
