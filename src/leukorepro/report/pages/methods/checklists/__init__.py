"""What reporting checklists ask, answered from a run as far as a pipeline can."""
