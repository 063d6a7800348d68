"""The datasets of a run: where they lie, what their folders list, and two of them as one."""
