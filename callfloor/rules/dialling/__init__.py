"""Who may be dialled when, how many lines are placed, and in which order."""
