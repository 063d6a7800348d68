"""Find contradictions in printed numbers, and leakage in splits."""
