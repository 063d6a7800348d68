"""The local page of a model: images in; classes, probabilities, maps and warnings out; nothing is kept."""
