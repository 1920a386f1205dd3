"""Networks of other projects, behind one small protocol, so that they can be looked at like our own."""
