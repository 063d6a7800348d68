"""Networks that are trained from random weights."""
