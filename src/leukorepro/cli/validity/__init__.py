"""Repeat studies of simulated subjects or real patients and compare every rung with the truth."""
