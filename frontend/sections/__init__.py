"""The sections of the pages that have several, one file each."""
