"""The arithmetic of metrics, for all rows or for many resamples of their groups at once."""
