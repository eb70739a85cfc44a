"""SQL of figures: statistics of campaigns."""
