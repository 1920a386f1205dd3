"""Helpers for several test files, imported as `tests.support.<module>`."""
