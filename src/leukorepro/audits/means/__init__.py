"""Rows whose numbers are means: over several classes, over folds, or over test sets."""
