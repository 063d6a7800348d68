"""The tables of a paper, read from the paper itself for a person to confirm."""
