"""Data sets of other projects: each module reads one format, a registry finds the format of a folder or file."""
