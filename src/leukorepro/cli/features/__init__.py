"""Get pretrained weights; compute features and fuse them."""
