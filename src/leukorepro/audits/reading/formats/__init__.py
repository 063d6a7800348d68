"""Where tables stand in a file, one module for each format: every table becomes a grid of cells."""
