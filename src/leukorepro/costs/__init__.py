"""What does a run cost: which jobs it has, and how long, how large and how much of each there will be."""
