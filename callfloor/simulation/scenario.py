"""A scenario file: what a simulated day is like. Every mistake in it is found, with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

from callfloor.centre import values
from callfloor.centre.lines import Path
from callfloor.centre.source import Report, Source
from callfloor.centre.values import WRONG, Table, Wrong
from callfloor.contract.campaigns import CampaignMode
from callfloor.simulation import scenario_callers
from callfloor.simulation.scenario_callers import MOST_A_MINUTE, Inbound
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution

DAY_H = 24.0
DEFAULT_PER_MINUTE = 1.0
# as a mode: there are callers only
_INBOUND = "inbound"
_PROBABILITIES = {
    "liveProbability": "live",
    "machineProbability": "machine",
    "busyProbability": "busy",
    "invalidProbability": "invalid",
    "failedProbability": "failed",
}
_SHARES = {"earlyHangUpShare": "early_hang_up", "missedShare": "missed"}
_ERRORS = {"personsTakenForMachines": "person_for_machine", "machinesTakenForPersons": "machine_for_person"}
_PER_MINUTE = "callsPerMinute"
_SECONDS = {"answerSeconds": "answer_s", "ringOutSeconds": "ring_out_s", "talkSeconds": "talk_s"}
_PARAMETERS: dict[str, tuple[str, ...]] = {
    "constant": ("value",),
    "normal": ("mean", "sd"),
    "lognormal": ("mean", "cv"),
    "exponential": ("mean",),
    "gamma": ("mean", "cv"),
}
Kind = Literal["constant", "normal", "lognormal", "exponential", "gamma"]


@dataclass(frozen=True, slots=True)
class Truth:
    """What the floor does not see: customers, how many agents work, how long they wrap up (seconds), and how many
    people call a minute."""

    agents: int
    behaviour: Behaviour = field(default_factory=Behaviour)
    wrap_s: Distribution = field(default=Distribution("constant", 20.0))
    calls_per_minute: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Times in seconds. `mode` None: nobody is called. `inbound` None: nobody calls. `persons_taken_for_machines`: what
    the campaign is told of its detection. `shocks`: (from this moment, the truth that then holds), in order of time."""

    truth: Truth
    duration_s: float = 8 * 3600.0
    warm_up_s: float = 30 * 60.0
    mode: CampaignMode | None = "predictive"
    abandonment_cap: float = 0.03
    grace_s: float = 2.0
    persons_taken_for_machines: float = 0.0
    inbound: Inbound | None = None
    shocks: tuple[tuple[float, Truth], ...] = ()


def _number(least: float, most: float, *, above: bool = False) -> values.Check:
    def check(report: Report, path: Path, value: object) -> float | Wrong:
        if isinstance(value, bool) or not isinstance(value, int | float):
            report.wrong(path, "must be a number")
            return WRONG
        if not least <= value <= most or (above and value == least):
            report.wrong(path, f"must be {f'above {least:g} and at most' if above else f'from {least:g} to'} {most:g}")
            return WRONG
        return float(value)

    return check


def _distribution(report: Report, path: Path, value: object) -> Distribution | Wrong:
    if not isinstance(value, dict):
        report.wrong(path, 'must be a distribution, such as { distribution = "constant", value = 20 }')
        return WRONG
    given = values.table(_DISTRIBUTION)(report, path, value)
    if not isinstance(given, Table):
        return WRONG
    kind = given.get("distribution")
    if kind is None:
        report.wrong(path, f"has no distribution: use {', '.join(_PARAMETERS)}")
    if kind is None or kind is WRONG or WRONG in given.values():
        return WRONG
    wanted = _PARAMETERS[kind]
    right = True
    for key in wanted:
        if key not in given:
            report.wrong(path, f"has no {key}, which a {kind} distribution needs")
            right = False
    for key in given:
        if key not in (*wanted, "distribution", "min"):
            report.wrong((*path, key), f"is nothing to a {kind} distribution: it has {' and '.join(wanted)}, and min")
            right = False
    if not right:
        return WRONG
    mean = given["value"] if kind == "constant" else given["mean"]
    return Distribution(
        cast(Kind, kind), mean, sd=given.get("sd", 0.0), cv=given.get("cv", 1.0), least=given.get("min", 0.0)
    )


_LONGEST_S = 86_400.0
_DISTRIBUTION: dict[str, values.Check] = {
    "distribution": values.choice(*_PARAMETERS),
    "value": _number(0, _LONGEST_S),
    "mean": _number(0, _LONGEST_S, above=True),
    "sd": _number(0, _LONGEST_S),
    "cv": _number(0, 10, above=True),
    "min": _number(0, _LONGEST_S),
}
_CALLS: dict[str, values.Check] = {
    **dict.fromkeys((*_PROBABILITIES, *_SHARES), _number(0, 1)),
    **dict.fromkeys((*_SECONDS, "wrapSeconds"), _distribution),
}
_SCENARIO: dict[str, values.Check] = {
    "hours": _number(0, DAY_H, above=True),
    "warmUpMinutes": _number(0, DAY_H * 60),
    "campaign": values.table(
        {
            "mode": values.choice("preview", "progressive", "predictive", _INBOUND),
            "abandonmentCap": _number(0, 1),
            "graceSeconds": _number(0, 60),
            "personsTakenForMachines": _number(0, 0.5),
        }
    ),
    "agents": values.table({"count": values.whole(1, 2000)}),
    "calls": values.table(_CALLS),
    "machineDetection": values.table(dict.fromkeys(_ERRORS, _number(0, 0.5))),
    "inbound": values.table(scenario_callers.keys(_number(0, MOST_A_MINUTE), _distribution)),
}


def _shocks(report: Report, path: Path, value: object) -> list[Table] | Wrong:
    checks = {
        "atMinutes": _number(0, DAY_H * 60),
        "agents": values.whole(0, 2000),
        _PER_MINUTE: _number(0, MOST_A_MINUTE),
        **_CALLS,
        **dict.fromkeys(_ERRORS, _number(0, 0.5)),
    }
    return values.tables(checks, "atMinutes")(report, path, value)


def read(source: Source) -> Scenario:
    """Raises `CentreError` with every mistake in the file."""
    report = Report(source)
    given = values.table(_SCENARIO | {"shocks": _shocks})(report, (), source.tree)
    made = _scenario(report, given) if isinstance(given, Table) else None
    report.finish()
    if made is None:
        raise AssertionError("a file without mistakes is a scenario")
    return made


def _scenario(report: Report, given: Table) -> Scenario | None:
    count = _inside(given, "agents").get("count")
    if count is None:
        report.wrong(("agents",), "has no count: say how many agents work, [agents] count = 50")
        return None
    if count is WRONG:
        return None
    beginning = _inside(given, "calls") | _inside(given, "machineDetection")
    callers, campaign = given.right("inbound"), _inside(given, "campaign")
    inbound: Inbound | None = None
    if isinstance(callers, Table):
        inbound = scenario_callers.inbound(report, callers)
        beginning |= {_PER_MINUTE: callers.get(_PER_MINUTE, DEFAULT_PER_MINUTE)}
    truth = _changed(report, Truth(count), beginning, ("calls",))
    shocks: list[tuple[float, Truth]] = []
    now = truth
    changes: list[Table] = given.right("shocks") or []
    for shock in sorted(changes, key=lambda shock: cast(float, shock["atMinutes"])):
        now = _changed(report, now, shock, shock.path)
        shocks.append((shock["atMinutes"] * 60, now))
        if _PER_MINUTE in shock and "inbound" not in given:
            report.wrong((*shock.path, _PER_MINUTE), "is for a day with callers: write [inbound]")
    mode: str | None = campaign.get("mode") or "predictive"
    if mode == _INBOUND:
        mode = None
        if "inbound" not in given:
            report.wrong(("campaign", "mode"), "is inbound, and nobody calls: write [inbound]")
    made = Scenario(
        truth,
        duration_s=(given.right("hours") or 8.0) * 3600,
        warm_up_s=_right(given, "warmUpMinutes", 30.0) * 60,
        mode=cast("CampaignMode | None", mode),
        abandonment_cap=_right(campaign, "abandonmentCap", 0.03),
        grace_s=_right(campaign, "graceSeconds", 2.0),
        persons_taken_for_machines=_right(campaign, "personsTakenForMachines", truth.behaviour.person_for_machine),
        inbound=inbound,
        shocks=tuple(shocks),
    )
    if made.warm_up_s >= made.duration_s:
        report.wrong(("warmUpMinutes",), "must be shorter than hours, or nothing is left to measure")
    return made


def _inside(given: Table, key: str) -> dict[str, Any]:
    found = given.right(key)
    return found if isinstance(found, Table) else {}


def _right(given: Mapping[str, Any], key: str, default: float) -> float:
    value = given.get(key)
    return default if value is None or value is WRONG else value


def _changed(report: Report, truth: Truth, given: Mapping[str, Any], path: Path) -> Truth:
    names = _PROBABILITIES | _SHARES | _SECONDS | _ERRORS
    right = {names[key]: value for key, value in given.items() if key in names and value is not WRONG}
    behaviour = replace(truth.behaviour, **right)
    total = behaviour.live + behaviour.machine + behaviour.busy + behaviour.invalid + behaviour.failed
    if total > 1 + 1e-9:
        report.wrong(path, f"has probabilities that add up to {total:g}: more than 1")
    agents, wrap_s = given.get("agents", truth.agents), given.get("wrapSeconds", truth.wrap_s)
    return Truth(
        truth.agents if agents is WRONG else agents,
        behaviour,
        truth.wrap_s if wrap_s is WRONG else wrap_s,
        _right(given, _PER_MINUTE, truth.calls_per_minute),
    )
