"""Methods by name: what there is, what each is made of, and what they share."""
