"""Read, fetch or simulate images, and find those that are there more than once."""
