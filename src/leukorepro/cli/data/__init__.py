"""Simulate and scan image datasets, and find what is in them twice."""
