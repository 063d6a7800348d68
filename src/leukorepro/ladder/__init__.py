"""The leakage ladder: what a rung is. How it splits and fits, what it removes, its words and its colour."""
