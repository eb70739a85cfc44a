"""Signing in, and what belongs to people: sessions, passwords, own tokens."""
