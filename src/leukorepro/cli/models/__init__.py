"""Fit autoencoders and classifiers; train networks."""
