"""From predictions to metrics, their intervals and the verdicts on published numbers."""
