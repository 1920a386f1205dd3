"""The settings of methods' own: one closed class for each method that has some."""
