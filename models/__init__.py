"""The networks of Disentangled World Models: torch and numpy only, no files, no environments, no web."""
