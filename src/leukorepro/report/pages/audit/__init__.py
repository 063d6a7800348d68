"""What arithmetic says of a paper's printed numbers."""
