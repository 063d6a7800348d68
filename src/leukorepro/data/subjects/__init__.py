"""Subjects as people write them down: in tables, in paths, or not at all."""
