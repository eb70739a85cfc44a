"""Recordings on their way from the carrier to the media store."""
