"""Sends the metrics of runs to MLflow or Weights & Biases, from a process beside each run."""
