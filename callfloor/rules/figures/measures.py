"""The figures of reports: what each is made of, and with which groups it goes. docs/figures.md says what each leaves
out, and has this matrix, which a test holds against this table. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from callfloor.contract.reports import Group, Unit
from callfloor.rules.figures.sums import SUMS, Sum, Sums

# Where sums of a group are kept: by campaign, and by one of these besides.
Facet = Literal["campaign", "agent", "list", "wrap", "dial", "number", "pause"]

GROUPS: tuple[Group, ...] = get_args(Group)
FACET_OF: Mapping[Group, Facet] = {
    "none": "campaign",
    "hourOfDay": "campaign",
    "campaign": "campaign",
    "queue": "campaign",
    "list": "list",
    "agent": "agent",
    "team": "agent",
    "wrapCode": "wrap",
    "dialStatus": "dial",
    "number": "number",
}
_ANY: tuple[Group, ...] = ("none", "hourOfDay")
_DIALLED: tuple[Group, ...] = (*_ANY, "campaign", "list", "number")
_QUEUED: tuple[Group, ...] = (*_ANY, "campaign", "queue", "number")
_PEOPLE: tuple[Group, ...] = ("agent", "team")
_HANDLED: tuple[Group, ...] = (*_ANY, "campaign", "queue", "list", *_PEOPLE, "wrapCode", "number")
_TIMES: tuple[Group, ...] = (*_ANY, *_PEOPLE)
_TRANSFERRED: tuple[Group, ...] = (*_ANY, "campaign", "queue", *_PEOPLE)
_PROMISED: tuple[Group, ...] = (*_ANY, "campaign", "list", *_PEOPLE)
_WRITTEN: tuple[Group, ...] = (*_ANY, "campaign", "queue", *_PEOPLE, "number")

Value = float | int | None


@dataclass(frozen=True, slots=True)
class Measure:
    """`of`: the figure, of `sums`; ratios are of sums and never of other ratios. `time`: it is of agents' time, which
    belongs to no campaign as long as they have no call. `calls`: what it counts can be listed."""

    name: str
    title: str
    unit: Unit
    groups: tuple[Group, ...]
    sums: tuple[str, ...]
    of: Callable[[Sums], Value]
    time: bool = False
    calls: str | None = None


def _sum(*names: str) -> Callable[[Sums], Value]:
    # a report has thousands of rows, and most measures are one sum
    if len(names) == 1:
        (only,) = names
        return lambda sums: sums.get(only, 0)
    return lambda sums: sum([sums.get(name, 0) for name in names])


def _share(of: tuple[str, ...], among: tuple[str, ...], digits: int = 4) -> Callable[[Sums], Value]:
    """None where there is nothing to be a share of."""

    part, all_of_it = _sum(*of), _sum(*among)

    def value(sums: Sums) -> Value:
        whole = all_of_it(sums)
        return round((part(sums) or 0) / whole, digits) if whole else None

    return value


def _longest(sums: Sums) -> Value:
    return sums.get("longest_wait_s", 0) if sums.get("waited") else None


_BUSY = ("on_call_s", "on_wrap_s")
_WORKING = ("ready_s", "dialling_s", *_BUSY)
_SIGNED_IN = (*_WORKING, "paused_s")
_HANDLING = ("talk_s", "hold_s", "wrap_s")


def _count(name: str, title: str, groups: tuple[Group, ...], of: str) -> Measure:
    return Measure(name, title, "count", groups, (of,), _sum(of), calls=of)


def _seconds(name: str, title: str, groups: tuple[Group, ...], *of: str, time: bool = False) -> Measure:
    return Measure(name, title, "seconds", groups, of, _sum(*of), time=time)


def _ratio(
    name: str,
    title: str,
    groups: tuple[Group, ...],
    of: tuple[str, ...],
    among: tuple[str, ...],
    *,
    unit: Unit = "ratio",
    time: bool = False,
) -> Measure:
    share = _share(of, among, 4 if unit == "ratio" else 1)
    return Measure(name, title, unit, groups, (*of, *among), share, time=time)


_ALL: tuple[Measure, ...] = (
    _count("attempts", "Attempts", (*_DIALLED, "dialStatus"), "attempts"),
    _count("connects", "Connects", (*_DIALLED, *_PEOPLE, "dialStatus", "wrapCode"), "connects"),
    _count("liveAnswers", "Live answers", _DIALLED, "live_answers"),
    _ratio("liveRate", "Live rate", _DIALLED, ("live_answers",), ("attempts",)),
    _count("abandoned", "Abandoned", _DIALLED, "abandoned"),
    _ratio("abandonmentRate", "Abandonment rate", _DIALLED, ("abandoned",), ("live_answers",)),
    _ratio(
        "averageConnectDelay", "Average connect delay", (*_DIALLED, *_PEOPLE), ("connect_delay_ms",), ("connects",),
        unit="milliseconds",
    ),
    _count("leadsFirstDialled", "Leads dialled first", _DIALLED, "first_dialled"),
    _ratio("listPenetration", "List penetration", ("list",), ("first_dialled",), ("leads",)),
    _count("callbacksMade", "Callbacks made", _PROMISED, "callbacks_made"),
    _count("callbacksKept", "Callbacks kept", _PROMISED, "callbacks_kept"),
    _count("callsReceived", "Calls received", _QUEUED, "received"),
    _count("callsAbandonedInWorkflow", "Abandoned in workflow", _QUEUED, "abandoned_in_workflow"),
    _count("callsAbandonedInQueue", "Abandoned in queue", _QUEUED, "abandoned_in_queue"),
    _count("callsAbandonedBeforeThreshold", "Abandoned before the threshold", _QUEUED, "abandoned_before"),
    _count("callsAbandonedAfterThreshold", "Abandoned after the threshold", _QUEUED, "abandoned_after"),
    _ratio(
        "callsAbandonedRate", "Rate of abandoned in queue", _QUEUED, ("abandoned_before", "abandoned_after"),
        ("waited",),
    ),
    _count("callsMissed", "Missed", _QUEUED, "missed"),
    _count("callsOverflowed", "Overflowed", _QUEUED, "overflowed"),
    _count("callsToVoicemail", "To voicemail", _QUEUED, "voicemails"),
    _ratio("serviceLevel", "Service level", _QUEUED, ("in_time",), ("in_time", "too_late")),
    _ratio("averageWaitingTime", "Average wait", _QUEUED, ("waiting_s",), ("waited",), unit="seconds"),
    Measure("longestWaitingTime", "Longest wait", "seconds", _QUEUED, ("longest_wait_s", "waited"), _longest),
    _count("handled", "Handled", _HANDLED, "handled"),
    _count("conversions", "Conversions", _HANDLED, "conversions"),
    _ratio("conversionRate", "Conversion rate", _HANDLED, ("conversions",), ("handled",)),
    _seconds("handlingTime", "Handling time", _HANDLED, *_HANDLING),
    _ratio("averageHandlingTime", "Average handling time", _HANDLED, _HANDLING, ("handled",), unit="seconds"),
    _seconds("talkTime", "Talk time", _HANDLED, "talk_s"),
    _seconds("holdTime", "Hold time", _HANDLED, "hold_s"),
    _seconds("wrapUpTime", "Wrap-up time", _HANDLED, "wrap_s"),
    _count("transfersIn", "Transfers in", _TRANSFERRED, "transfers_in"),
    _count("transfersOut", "Transfers out", _TRANSFERRED, "transfers_out"),
    _seconds("signedIn", "Signed in", _TIMES, *_SIGNED_IN, time=True),
    _seconds("idle", "Idle", _TIMES, "ready_s", time=True),
    _seconds("dialling", "Dialling", _TIMES, "dialling_s", time=True),
    _seconds("onCall", "On calls", _TIMES, "on_call_s", time=True),
    _seconds("onWrap", "On wrap-up", _TIMES, "on_wrap_s", time=True),
    _seconds("paused", "Paused", _TIMES, "paused_s", time=True),
    _ratio("occupancy", "Occupancy", _TIMES, _BUSY, _WORKING, time=True),
    _ratio("utilisation", "Utilisation", _TIMES, _BUSY, _SIGNED_IN, time=True),
    _count("emailsReceived", "E-mails received", (*_ANY, "campaign", "queue", "number"), "emails_received"),
    _count("emailsAnswered", "E-mails answered", _WRITTEN, "emails_answered"),
    _ratio(
        "averageEmailResponseTime", "Average response to e-mails", _WRITTEN, ("email_response_s",),
        ("emails_answered",), unit="seconds",
    ),
    _count("emailsWritten", "E-mails written", _WRITTEN, "emails_written"),
)  # fmt: skip
MEASURES: Mapping[str, Measure] = {each.name: each for each in _ALL}
# Seconds paused, by reason: several figures in one.
PAUSED_BY_REASON = "pausedByReason"
PAUSED_GROUPS = _TIMES


def of_group(group: Group) -> list[str]:
    """The measures that go with a group, in their order."""
    found = [name for name, each in MEASURES.items() if group in each.groups]
    return [*found, PAUSED_BY_REASON] if group in PAUSED_GROUPS else found


def sums_of(groups: Collection[Group]) -> tuple[Sum, ...]:
    """What has to be summed up for the measures that go with one of these groups."""
    needed = {name for each in MEASURES.values() if not frozenset(each.groups).isdisjoint(groups) for name in each.sums}
    return tuple(name for name in SUMS if name in needed)


def groups_of(measure: str) -> tuple[Group, ...]:
    """The groups that a measure goes with."""
    return PAUSED_GROUPS if measure == PAUSED_BY_REASON else MEASURES[measure].groups


def is_time(measure: str) -> bool:
    return measure == PAUSED_BY_REASON or MEASURES[measure].time
