"""Classifiers, one module for each kind: what a study may say of it, how it is made, and the fastest way to it."""
