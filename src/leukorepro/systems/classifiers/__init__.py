"""Classifiers: what each is, the fastest way to it on this machine, and their fits over folds."""
