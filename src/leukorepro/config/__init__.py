"""Typed configuration: runs, datasets, studies and their parts, read from YAML.

Unknown keys are refused, and a wrong value is told with its file, its key, what was given and what is allowed. The
JSON schemas in ``config/schema`` are made from these classes.
"""
