"""Where files of runs are shared between machines: objects that are made once and never changed."""
