"""How a project begins in a folder of its own."""
