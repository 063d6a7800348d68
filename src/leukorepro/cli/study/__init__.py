"""Begin a new study, and see what its two files lack."""
