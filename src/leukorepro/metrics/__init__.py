"""What a metric is: how it follows from predictions, its range, its interval and its words. No computing here."""
