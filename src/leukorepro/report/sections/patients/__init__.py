"""What the classifiers would mean for patients."""
