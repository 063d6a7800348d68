"""How an image file's bytes become its pixels: one module for each format, and one for the kinds of pixels."""
