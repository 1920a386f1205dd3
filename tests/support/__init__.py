"""What several test files use; imported as `tests.support.<module>`, from nowhere else."""
