"""How the numbers were made, in words that can be quoted."""
