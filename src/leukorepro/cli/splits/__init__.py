"""Decide which images train and which are tested."""
