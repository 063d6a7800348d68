"""The trainer of all networks, its checkpoints, and trainings over folds."""
