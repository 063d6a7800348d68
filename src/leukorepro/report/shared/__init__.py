"""A report that may leave the house: without file names, subject ids and paths of this machine."""
