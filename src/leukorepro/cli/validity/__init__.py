"""Repeat simulated studies and compare every rung with the truth."""
