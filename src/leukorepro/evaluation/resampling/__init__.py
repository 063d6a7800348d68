"""How sure we are: intervals, paired differences and tests, from resampling groups."""
