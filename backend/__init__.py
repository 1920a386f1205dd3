"""DisWM Studio's backend: command line, HTTP API, runs, the method, and what its latents mean."""
