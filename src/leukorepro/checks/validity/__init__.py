"""Is the honest number right? Studies of simulated subjects, whose truth is known, repeated many times."""
