"""What was installed: where the project's own files lie, and which commit they are of."""
