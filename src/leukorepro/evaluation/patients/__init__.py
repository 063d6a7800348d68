"""What a classifier would mean for patients: probabilities, decisions, diagnoses of subjects, predictive values."""
