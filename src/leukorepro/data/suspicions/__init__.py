"""Suspicions: what in a dataset's folder looks as if it were not meant as it was understood."""
