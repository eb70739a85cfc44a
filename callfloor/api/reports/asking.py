"""Who asks for a report over HTTP, for which period, and in which form."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, cast

from starlette.responses import Response

from callfloor.api.call import Call
from callfloor.contract.reports import CountedQuery, Figures, FiguresQuery
from callfloor.jobs.reporting.answers import MEDIA_TYPES, figures_of, file_name, file_of
from callfloor.jobs.reporting.question import Report, between
from callfloor.jobs.reporting.viewer import Viewer


def viewer_of(call: Call) -> Viewer:
    caller = call.caller
    person = None if caller.person is None else caller.person.user_id
    return Viewer(call.db, call.organisation, call.zone, call.now, person, caller.figures_of)


def period(call: Call, query: FiguresQuery | CountedQuery) -> tuple[datetime, datetime]:
    """Raises `Invalid`."""
    begin, end = call.timestamp(query.begin, "from"), call.timestamp(query.end, "to")
    assert begin is not None  # noqa: S101 both are given
    assert end is not None  # noqa: S101
    # sums are kept by the quarter of an hour, calls are not
    return between(begin, end, quarters=isinstance(query, FiguresQuery))


async def shown(call: Call, viewer: Viewer, report: Report, form: Literal["json", "csv", "xlsx"]) -> Figures:
    """The report in the form that is asked for, by the query or by `Accept`."""
    found = await figures_of(viewer, report)
    accepted = call.headers.get(b"accept", b"").lower()
    for suffix, media_type in MEDIA_TYPES.items():
        if form == suffix or (form == "json" and media_type.encode() in accepted):
            headers = {"Content-Disposition": f'attachment; filename="{file_name(report, suffix)}"'}
            content = await file_of(found, suffix)
            return cast("Figures", Response(content, media_type=media_type, headers=headers))
    return found
