"""The page of a dataset: what is in it, what was found in it, and what became of it in the splits."""
