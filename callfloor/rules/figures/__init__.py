"""What figures mean, and what they say ahead of time."""
