"""Procedural smears with known subjects: what they look like, and whole data sets of them."""
