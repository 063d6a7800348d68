"""The page that a report opens with."""
