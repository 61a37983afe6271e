"""What scripts/plot.py draws: a file for each kind, and what they share."""
