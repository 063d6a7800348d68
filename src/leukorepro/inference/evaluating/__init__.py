"""A model on the labelled images of another laboratory: how good it is there, and how these images differ."""
