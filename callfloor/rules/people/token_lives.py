"""How long tokens of people work. Those of programs work until somebody ends them, unless they were given an end."""

from __future__ import annotations

from datetime import timedelta

# Where nothing else is said; and at most, of those that people make for themselves.
USUAL_LIFE, LONGEST_LIFE = timedelta(days=90), timedelta(days=366)
