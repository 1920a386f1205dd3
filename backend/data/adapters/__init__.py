"""Files of other projects' models: which layouts there are, and how their tensors are read as data."""
