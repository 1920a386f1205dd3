"""What goes into a paper: figures, animations, tables, bundles."""
