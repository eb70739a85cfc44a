"""A caller's way through a workflow."""
