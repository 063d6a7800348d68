"""What sets the numbers of a run, of a study or of an item apart from the papers', in words."""
