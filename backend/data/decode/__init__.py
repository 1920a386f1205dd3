"""Decodes untrusted files in a separate process, `python -I -m backend.data.decode`; `client` starts it."""
