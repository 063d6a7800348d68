"""Adapters: what a dataset's folder says about its images; one module for each kind of dataset."""
