"""Calls on the floor: placed, taken, queued, talked on, given away. Pure and synchronous: no store, no waiting."""
