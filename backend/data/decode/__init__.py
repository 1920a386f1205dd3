"""Decoding hostile files in a process of its own, `python -I -m backend.data.decode`; `client` starts it."""
