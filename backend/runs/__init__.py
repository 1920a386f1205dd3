"""The life of a run: its row, its place in the queue, its child process."""
