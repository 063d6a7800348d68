"""Is the honest number right? Studies of simulated subjects or real patients, repeated; all others tell the truth."""
