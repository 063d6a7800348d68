"""Five published leukaemia-image classifiers, and how much of each number survives an honest split."""
