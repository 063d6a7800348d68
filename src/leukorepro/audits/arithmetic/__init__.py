"""What printed shares allow: confusion matrices, numbers of images, unrounded values."""
