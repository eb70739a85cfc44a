"""Agents on the floor: their states, previews, what they ask for and what their desks show. Pure and synchronous."""
