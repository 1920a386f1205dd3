"""Schema changes of the runs' database, applied when a process opens it."""
