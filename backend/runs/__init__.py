"""The life of a run: its row, its place in the durable queue, its child process and its folder."""
