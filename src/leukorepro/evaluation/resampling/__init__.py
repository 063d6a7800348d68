"""What sets rungs and items apart, and how sure we are of it: paired differences, tests, the best item's optimism."""
