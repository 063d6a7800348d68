"""The report: pages, figures and tables that open from disk without a network."""
