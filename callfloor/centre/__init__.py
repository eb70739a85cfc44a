"""Centres described in a file: read, compared with the database, applied, and exported again."""

from callfloor.centre.apply import (
    Plan,
    apply,
    apply_plan,
    apply_text,
    export_text,
    plan_of,
    stored,
    unspoken,
    version_of,
    words_for,
)
from callfloor.centre.plan import Change
from callfloor.centre.source import CentreError, Source, of_tree, parse

__all__ = [
    "CentreError",
    "Change",
    "Plan",
    "Source",
    "apply",
    "apply_plan",
    "apply_text",
    "export_text",
    "of_tree",
    "parse",
    "plan_of",
    "stored",
    "unspoken",
    "version_of",
    "words_for",
]
