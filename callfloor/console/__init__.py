"""The web console as it is built from console/: static files only."""
