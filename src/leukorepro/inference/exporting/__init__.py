"""From a finished run to a model: the item that is meant, its rows, its fit, its numbers, and what it needs beside."""
