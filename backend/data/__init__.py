"""Data on disk: episodes, checkpoints, replay, videos."""
