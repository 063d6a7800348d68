"""What each kind of job is told: all that it depends on beside its input files and its code, and nothing more."""
