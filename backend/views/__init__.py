"""From a view's parameters to its answer: jobs, the threads that do them, and what they are written as. No FastAPI."""
