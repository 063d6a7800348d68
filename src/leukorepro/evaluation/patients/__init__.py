"""What a classifier would mean for patients: subjects, their diagnoses, predictive values."""
