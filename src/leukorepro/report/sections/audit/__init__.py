"""The page of a paper's printed numbers."""
