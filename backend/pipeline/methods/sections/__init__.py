"""Method-specific settings: one closed class for each method that has some."""
