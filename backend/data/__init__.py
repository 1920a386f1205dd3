"""What lies on disk: episodes, checkpoints, replay, video."""
