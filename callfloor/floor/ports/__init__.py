"""What the floor asks of the world: what is written down and read, and where agents hear of it. No implementation."""
