"""Whether a file still is what was written, and what becomes of one that is not."""
