"""A saved report as it is run."""

from __future__ import annotations

from datetime import datetime

from callfloor.contract.reports import SavedQuery
from callfloor.jobs.reporting.question import Report, asked, between
from callfloor.jobs.reporting.viewer import Viewer
from callfloor.rules.figures.schedules import days_of


async def asked_by(viewer: Viewer, query: SavedQuery, at: datetime) -> Report:
    """What a saved report asks for at a moment. Raises `Invalid`."""
    return await asked(viewer, query, *between(*days_of(query.period, at, viewer.zone)))
