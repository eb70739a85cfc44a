"""Reports that people keep, run, share, and have sent by e-mail."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from asyncpg import Record

from callfloor.api.audits import changes
from callfloor.api.call import Answer, Call, invalid, not_found, unknown_id
from callfloor.api.cursors import EPOCH, page_limit, page_of, page_start
from callfloor.api.operation import operation
from callfloor.api.reports.asking import shown, viewer_of
from callfloor.api.reports.figures import CSV, EXAMPLE, XLSX
from callfloor.contract.fields import Page, PageQuery
from callfloor.contract.reports import Figures
from callfloor.contract.saved_reports import (
    DeliveriesQuery,
    ReportDelivery,
    RunQuery,
    SavedReport,
    SavedReportBody,
    Schedule,
)
from callfloor.errors import FieldError, Invalid, NotYours, StaleVersion
from callfloor.jobs.reporting.saved import asked_by
from callfloor.jobs.reporting.viewer import PREFIX
from callfloor.rules.figures.schedules import next_due
from callfloor.rules.privacy.identifiers import EmailError, normalise_email
from callfloor.rules.values.times import local_time
from callfloor.store.figures import report_deliveries, saved_reports

# of an organisation
MOST = 1_000
_QUERY = {
    "period": "lastMonth",
    "interval": "none",
    "groupBy": "agent",
    "measures": "handled,averageHandlingTime,occupancy",
    "zone": "organisation",
    "campaignId": None,
    "agentId": None,
    "teamId": None,
}
_SCHEDULE = {
    "every": "month",
    "weekday": None,
    "day": 1,
    "time": "07:30",
    "format": "xlsx",
    "mailbox": "care",
    "recipients": ["jo.lee@example.com"],
}
_GIVEN = {"name": "Agents, last month", "shared": "team", "teamId": 1, "query": _QUERY, "schedule": _SCHEDULE}
_EXAMPLE: dict[str, Any] = {
    "reportId": 7,
    "ownerId": 1001,
    **_GIVEN,
    "nextTimestamp": "2021-09-01T07:30:00+10:00",
    "created": "2021-08-01T09:12:45+10:00",
    "updated": "2021-08-01T09:12:45+10:00",
}


@operation(
    "GET",
    "/saved",
    scope="reports:read",
    summary="Saved reports",
    tag="saved",
    example={"metadata": {"nextUri": None}, "items": [_EXAMPLE]},
    query={"limit": 20},
)
async def list_saved_reports(call: Call, query: PageQuery) -> Page[SavedReport]:
    """Your own, and those that are shared with the organisation or with a team that you are in, by id."""
    after = page_start(call, query)
    given = _person(call), after[1] if after else 0, page_limit(query) + 1
    rows = await saved_reports.page(call.db, call.organisation, *given)
    return page_of(call, query, rows, lambda row: _shown(call, row), lambda row: (EPOCH, row["report_id"]))


@operation(
    "POST",
    "/saved",
    scope="reports:write",
    summary="Save a report",
    tag="saved",
    status=201,
    example=_EXAMPLE,
    request=_GIVEN,
    audits=changes("report.create", "report"),
    keeps=True,
)
async def create_saved_report(call: Call, body: SavedReportBody) -> Answer[SavedReport]:
    """Save what a report asks for. With a `schedule` it is sent by e-mail, once at each of its times, with what you may
    see then: to people of the organisation and its `reportRecipients` only, each by a message of its own with the
    report attached."""
    await _check(call, body)
    if await saved_reports.count(call.db, call.organisation) >= MOST:
        raise invalid("name", "too-many", f"there are {MOST:,} saved reports: delete one first")
    due = _due(call, body.schedule)
    report_id = await saved_reports.insert(call.db, call.organisation, _person(call), body, due, call.now)
    call.audit.entry(report_id, after=_recorded(body))
    row = await saved_reports.get(call.db, call.organisation, _person(call), report_id)
    assert row is not None  # noqa: S101 it is the caller's
    return Answer(_shown(call, row), headers={"Location": f"{PREFIX}/saved/{report_id}"})


@operation(
    "GET",
    "/saved/{reportId}",
    scope="reports:read",
    summary="A saved report",
    tag="saved",
    etag=True,
    example=_EXAMPLE,
)
async def get_saved_report(call: Call, report_id: int) -> SavedReport:
    """What it asks for, and when it is sent."""
    return _shown(call, await _seen(call, report_id))


@operation(
    "PUT",
    "/saved/{reportId}",
    scope="reports:write",
    summary="Change a saved report",
    tag="saved",
    etag=True,
    example=_EXAMPLE,
    request=_GIVEN,
    problems=[NotYours, StaleVersion],
    audits=changes("report.update", "report"),
    keeps=True,
)
async def put_saved_report(call: Call, report_id: int, body: SavedReportBody) -> SavedReport:
    """All of it anew: what is left out is as if it had never been given. Your own only; an administrator's: everybody's
    that it sees."""
    await saved_reports.lock(call.db, call.organisation, report_id)
    row = await _own(call, report_id)
    call.expect_version(_shown(call, row))
    await _check(call, body)
    due = row["next_at"]
    if body.schedule != saved_reports.schedule_of(row):
        due = _due(call, body.schedule)
    await saved_reports.update(call.db, call.organisation, report_id, body, due, call.now)
    was = SavedReportBody(
        name=row["name"],
        shared=row["shared"],
        team_id=row["team_id"],
        query=saved_reports.query_of(row),
        schedule=saved_reports.schedule_of(row),
    )
    call.audit.entry(before=_recorded(was), after=_recorded(body))
    return _shown(call, await _seen(call, report_id))


@operation(
    "DELETE",
    "/saved/{reportId}",
    scope="reports:write",
    summary="Delete a saved report",
    tag="saved",
    status=204,
    problems=[NotYours],
    audits=changes("report.delete", "report"),
)
async def delete_saved_report(call: Call, report_id: int) -> None:
    """It is sent no more; what is on its way is not sent either."""
    await _own(call, report_id)
    await saved_reports.delete(call.db, call.organisation, report_id)


@operation(
    "GET",
    "/saved/{reportId}/figures",
    scope="reports:read",
    summary="Run a saved report",
    tag="saved",
    example=EXAMPLE,
    query={"format": "json"},
    answers=(CSV, XLSX),
)
async def run_saved_report(call: Call, report_id: int, query: RunQuery) -> Figures:
    """Its figures now, as `GET /figures` gives them: what you may see, whoever saved it."""
    row = await _seen(call, report_id)
    viewer = viewer_of(call)
    report = await asked_by(viewer, saved_reports.query_of(row), call.now)
    return await shown(call, viewer, report, query.format)


@operation(
    "GET",
    "/saved/{reportId}/deliveries",
    scope="reports:read",
    summary="Sendings of a saved report",
    tag="saved",
    example={
        "metadata": {"nextUri": None},
        "items": [
            {
                "deliveryId": 3,
                "due": "2021-09-01T07:30:00+10:00",
                "state": "sent",
                "tries": 1,
                "recipients": ["jo.lee@example.com"],
                "sentTo": ["jo.lee@example.com"],
                "reason": None,
                "finished": "2021-09-01T07:30:04+10:00",
            }
        ],
    },
    query={"limit": 20},
)
async def list_report_deliveries(call: Call, report_id: int, query: DeliveriesQuery) -> Page[ReportDelivery]:
    """Each time that it was to be sent within 90 days, the last one first: to whom it went, or why it did not."""
    await _seen(call, report_id)
    before = page_start(call, query)
    given = report_id, before[1] if before else 0, page_limit(query) + 1
    rows = await report_deliveries.page(call.db, call.organisation, *given)

    def delivery(row: Record) -> ReportDelivery:
        return ReportDelivery(
            delivery_id=row["delivery_id"],
            due=local_time(row["due_at"], call.zone),
            state=row["state"],
            tries=row["tries"],
            recipients=row["recipients"],
            sent_to=row["sent_to"],
            reason=row["reason"],
            finished=None if row["finished_at"] is None else local_time(row["finished_at"], call.zone),
        )

    return page_of(call, query, rows, delivery, lambda row: (EPOCH, row["delivery_id"]))


def _person(call: Call) -> int | None:
    return None if call.caller.person is None else call.caller.person.user_id


async def _seen(call: Call, report_id: int) -> Record:
    row = await saved_reports.get(call.db, call.organisation, _person(call), report_id)
    if row is None:
        raise not_found("saved report")
    return row


async def _own(call: Call, report_id: int) -> Record:
    row = await _seen(call, report_id)
    if row["owner_id"] != _person(call) and not call.caller.may("admin"):
        raise NotYours("Somebody else saved this report: save one of your own.")
    return row


async def _check(call: Call, body: SavedReportBody) -> None:
    """Raises `Invalid`."""
    if not body.name.strip():
        raise invalid("name", "length", "must have something to see in it")
    if (body.shared == "team") != (body.team_id is not None):
        raise invalid("teamId", "not-together", "is given with shared team, and only then")
    if body.team_id is not None:
        person = None if call.caller.may("admin") else _person(call)
        if not await saved_reports.may_share(call.db, call.organisation, body.team_id, person):
            raise unknown_id("teamId", "team that you are in")
    try:
        await asked_by(viewer_of(call), body.query, call.now)
    except Invalid as fault:
        raise Invalid(fault.detail, errors=_inside("query", fault.errors)) from fault
    if body.schedule is not None:
        await _check_schedule(call, body.schedule)


def _inside(part: str, errors: Sequence[FieldError]) -> list[FieldError]:
    return [FieldError(code=each.code, message=each.message, pointer=f"/{part}/{each.parameter}") for each in errors]


async def _check_schedule(call: Call, schedule: Schedule) -> None:
    for name, given, every in (("weekday", schedule.weekday, "week"), ("day", schedule.day, "month")):
        if (given is not None) != (schedule.every == every):
            raise invalid(f"schedule/{name}", "not-together", f"is given with every {every}, and only then")
    if await saved_reports.sends(call.db, call.organisation, schedule.mailbox) is None:
        raise unknown_id("schedule/mailbox", "mailbox that sends")
    for index, address in enumerate(schedule.recipients):
        try:
            normalise_email(address)
        except EmailError as error:
            raise invalid(f"schedule/recipients/{index}", "invalid-email", str(error)) from error
    allowed = await saved_reports.allowed(call.db, call.organisation, schedule.recipients)
    said: set[str] = set()
    for index, address in enumerate(schedule.recipients):
        if address.lower() not in allowed:
            message = "is of nobody in this organisation, and not among its reportRecipients"
            raise invalid(f"schedule/recipients/{index}", "not-found", message)
        if address.lower() in said:
            raise invalid(f"schedule/recipients/{index}", "twice", "stands here twice")
        said.add(address.lower())


def _due(call: Call, schedule: Schedule | None) -> datetime | None:
    return None if schedule is None else next_due(schedule, call.now, call.zone)


def _recorded(body: SavedReportBody) -> dict[str, Any]:
    """For the audit: who gets it is counted, not named."""
    schedule = body.schedule
    return {
        "name": body.name,
        "shared": body.shared,
        "teamId": body.team_id,
        "groupBy": body.query.group_by,
        "period": body.query.period,
        "schedule": None if schedule is None else f"{schedule.every} {schedule.time} {schedule.format}",
        "recipients": 0 if schedule is None else len(schedule.recipients),
    }


def _shown(call: Call, row: Record) -> SavedReport:
    return SavedReport(
        report_id=row["report_id"],
        name=row["name"],
        owner_id=row["owner_id"],
        shared=row["shared"],
        team_id=row["team_id"],
        query=saved_reports.query_of(row),
        schedule=saved_reports.schedule_of(row),
        next_timestamp=None if row["next_at"] is None else local_time(row["next_at"], call.zone),
        created=local_time(row["created_at"], call.zone),
        updated=local_time(row["updated_at"], call.zone),
    )
