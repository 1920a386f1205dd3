"""Exports for papers: figures, animations, tables, bundles."""
