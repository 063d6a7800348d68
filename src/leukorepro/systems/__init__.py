"""Everything that is fitted: reducers, their optimiser, classifiers and networks."""
