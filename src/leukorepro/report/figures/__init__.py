"""Figures that several sections share, from plain values, in one style."""
