"""The page of a model on labelled images of another laboratory."""
