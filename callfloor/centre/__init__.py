"""Centres described in a file: read, compared with the database, applied, and exported again."""

from callfloor.centre.apply import apply, apply_text, export_text, unspoken
from callfloor.centre.plan import Change
from callfloor.centre.source import CentreError, Source, parse

__all__ = ["CentreError", "Change", "Source", "apply", "apply_text", "export_text", "parse", "unspoken"]
