"""Whether the conclusions of a paper hold."""
