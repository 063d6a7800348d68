"""A run as stages of DVC."""
