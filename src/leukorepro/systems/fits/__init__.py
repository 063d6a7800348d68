"""Kinds of fits that a job may be told to make, one module for each."""
