"""Five published leukaemia-image classifiers, and how much of each number survives an honest split."""

__version__ = "0.1.0"
