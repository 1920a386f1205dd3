"""Environments that report images, rewards and their true factor values."""
