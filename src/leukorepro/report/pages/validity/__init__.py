"""The page on how far the numbers of each rung can be trusted."""
