"""Training: settings, schedule, checkpoints, several processes."""
