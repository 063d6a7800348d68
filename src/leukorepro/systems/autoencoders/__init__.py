"""Reducers: autoencoders, their optimiser, and their fits over folds."""
