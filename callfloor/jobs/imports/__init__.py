"""Imports: bodies received and split into rows, and chunks of rows turned into leads."""
