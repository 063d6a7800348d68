"""Trainings: losses, pictures, durations and settings."""
