"""From predictions to metrics with intervals, curves, and the comparison with published numbers."""
