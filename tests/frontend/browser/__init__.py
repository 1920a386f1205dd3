"""The page in a real browser: one browser and one server of the page for all files of this folder."""
