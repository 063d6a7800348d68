"""Fit reducers and classifiers, train networks."""
