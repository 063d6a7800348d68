"""A split table that keeps no groups together, mended by the smallest change."""
