"""Where decisions come from, on two rungs side by side."""
