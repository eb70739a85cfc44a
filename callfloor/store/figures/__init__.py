"""SQL of figures: statistics of campaigns, agents' time, and what goes on now."""
