"""The command line: one sub-command per rule of the workflow, and a few for people."""
