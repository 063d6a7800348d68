"""The report: figures, tables and one HTML page that opens from disk without a network."""
