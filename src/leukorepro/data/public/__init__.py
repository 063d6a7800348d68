"""Published datasets by name: fetched, unpacked, and read from the folders that they come in."""
