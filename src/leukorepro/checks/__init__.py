"""May a number be believed? Leakage of splits, controls, and simulated studies whose truth is known."""
