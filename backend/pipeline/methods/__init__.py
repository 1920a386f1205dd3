"""Methods by name: which ones exist, what each is made of, and what they share."""
