"""Features that are computed from the pixels without a network."""
