"""Data sets of other projects: each module reads one format, a registry tells which one a folder or file is of."""
