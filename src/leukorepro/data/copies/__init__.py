"""Copies of one cell: the record of those that were found, and what it ties together."""
