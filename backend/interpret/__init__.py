"""What a latent dimension means: factors, metrics, leakage, matching, rollouts."""
