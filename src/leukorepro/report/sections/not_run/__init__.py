"""The part of the page of a study of which nothing could be run."""
