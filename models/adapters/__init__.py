"""Networks of other projects behind one small protocol, so that they can be viewed like our own."""
