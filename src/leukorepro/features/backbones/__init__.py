"""Networks that turn images into numbers: their registry, their weights and how they are built."""
