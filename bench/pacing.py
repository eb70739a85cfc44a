"""How well predictive dialling uses its agents: `make bench-pacing` writes docs/pacing.md and docs/pacing.svg.

SEEDS days of each case (default 20), of the best fixed ratio FIXED_SEEDS (default 4) of them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.days import Job, Mean, all_of, base, best_fixed, jobs, shocked, watched_day
from bench.pacers import Minutes
from bench.plot import Line, plot
from callfloor.simulation.scenario import Scenario, Truth
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution

TEAMS = (3, 5, 7, 10, 20, 50, 100, 200)
# Bounds of an independent simulation of the base case: look-ahead that knows every parameter, at 3 % abandonment.
BOUNDS = {5: 0.744, 10: 0.823, 20: 0.877, 50: 0.930, 100: 0.956, 200: 0.976}
SHOCK_MINUTE = 240
DOCS = Path(__file__).parent.parent / "docs"

SHOCKS: dict[str, tuple[Scenario, Truth]] = {
    "live answers doubled": (base(50), Truth(50, Behaviour(live=0.5))),
    "half of the agents leave": (base(50), Truth(25, Behaviour())),
    "answers 10 s slower": (
        base(50),
        Truth(50, Behaviour(answer_s=Distribution("normal", 22.0, sd=5.0, least=1.5))),
    ),
    "talks twice as long": (base(50), Truth(50, Behaviour(talk_s=Distribution("lognormal", 240.0, cv=0.8)))),
}
# Cases that nothing was tuned on.
OTHERS: dict[str, Scenario] = {
    "10 agents, 10 % live": base(10, live=0.1),
    "50 agents, 10 % live": base(50, live=0.1),
    "10 agents, 50 % live": base(10, live=0.5),
    "20 agents, 30 % machines, 5 % busy, 5 % invalid": base(20, live=0.2, machine=0.3, busy=0.05, invalid=0.05),
    "20 agents, talks exponential": base(20, talk_s=Distribution("exponential", 120.0)),
    "20 agents, talks constant": base(20, talk_s=Distribution("constant", 120.0)),
    "20 agents, talks of 40 s": base(20, talk_s=Distribution("lognormal", 40.0, cv=1.0)),
    "5 agents, 2 hours": replace(base(5), duration_s=2 * 3600.0),
    "10 agents, 2 hours": replace(base(10), duration_s=2 * 3600.0),
    "20 agents, answers after 18 s": base(20, answer_s=Distribution("normal", 18.0, sd=6.0, least=2.0)),
}


def _todo(seeds: int, fixed_seeds: int) -> Iterator[Job]:
    for team in reversed(TEAMS):
        yield f"fixed {team}", partial(best_fixed, base(team), fixed_seeds)
    for team in reversed(TEAMS):
        yield from jobs(f"predictive {team}", base(team), seeds)
        yield from jobs(f"progressive {team}", replace(base(team), mode="progressive"), seeds)
    for name, (scenario, truth) in SHOCKS.items():
        yield from jobs(name, shocked(scenario, SHOCK_MINUTE, truth), seeds, watched_day)
    for name, scenario in OTHERS.items():
        yield from jobs(name, scenario, seeds)


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


def _row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _table(head: Sequence[str], rows: Iterator[str]) -> Iterator[str]:
    yield _row(*head)
    yield _row(*("---" for _ in head))
    yield from rows
    yield ""


def _teams(found: dict[str, Mean]) -> Iterator[str]:
    for team in TEAMS:
        day, alone, fixed = found[f"predictive {team}"], found[f"progressive {team}"], found[f"fixed {team}"]
        yield _row(
            team,
            f"{_share(day.utilisation)} ({_share(day.least_utilisation)})",
            f"{_percent(day.abandonment)} ({_percent(day.worst_abandonment)})",
            _share(alone.utilisation),
            f"{_share(fixed.utilisation)} (× {fixed.ratio:.2f})",
            _share(BOUNDS[team]) if team in BOUNDS else "",
        )


def _between(days: Sequence[Minutes], first: int, last: int) -> tuple[float, float]:
    """Utilisation, and abandonment, of these minutes of all days."""
    minutes = [minute for day in days for minute in day.all[first:last]]
    staffed, live = sum(each.staffed_s for each in minutes), sum(each.live for each in minutes)
    return (
        sum(each.busy_s for each in minutes) / staffed if staffed else 0.0,
        sum(each.abandoned for each in minutes) / live if live else 0.0,
    )


def _shocks(found: dict[str, Mean]) -> Iterator[str]:
    at = SHOCK_MINUTE
    for name in SHOCKS:
        day = found[name]
        cells = [
            f"{_share(utilisation)}, {_percent(abandonment)}"
            for utilisation, abandonment in (
                _between(day.minutes, at - 60, at),
                _between(day.minutes, at, at + 5),
                _between(day.minutes, at + 5, at + 15),
                _between(day.minutes, at + 60, at + 240),
            )
        ]
        yield _row(name, *cells, f"{_percent(day.abandonment)} ({_percent(day.worst_abandonment)})")


def _others(found: dict[str, Mean]) -> Iterator[str]:
    for name in OTHERS:
        day = found[name]
        yield _row(
            name,
            f"{_share(day.utilisation)} ({_share(day.least_utilisation)})",
            f"{_percent(day.abandonment)} ({_percent(day.worst_abandonment)})",
        )


def _page(found: dict[str, Mean], seeds: int, fixed_seeds: int) -> Iterator[str]:
    yield f"""# Pacing, measured

Written by `make bench-pacing`. Each row is {seeds} simulated days of 8 hours on the product's own floor
(`callfloor simulate`), without their first half hour. Base case: 25 % of the calls are answered by a person after 12 s,
the others ring out after 28 s; talks take 120 s (lognormal, cv .8), wrap-ups 20 s; who waits for longer than 2 s is
abandoned; at most 3 % may be. Utilisation is talk and wrap-up ÷ signed-in time. In brackets: the worst day.

The fixed ratio is the one that, chosen in hindsight for these very days (the first {fixed_seeds}), gets most out of
them and keeps the cap. The bound is that of a look-ahead that knows every parameter, from an independent simulation.

![Utilisation by team size](pacing.svg)
"""
    head = ("agents", "utilisation", "abandonment", "progressive", "best fixed ratio", "bound")
    yield from _table(head, _teams(found))
    yield f"A day of 50 agents took at most {found['predictive 50'].core_s:.0f} s of one core.\n"
    yield "## Shocks\n"
    yield f"50 agents; the world changes after {SHOCK_MINUTE // 60} hours. Utilisation and abandonment:\n"
    head = ("shock", "hour before", "5 minutes after", "the 10 after these", "later", "abandonment of the day")
    yield from _table(head, _shocks(found))
    yield "## Other cases\n"
    yield from _table(("case", "utilisation", "abandonment"), _others(found))


def main() -> None:
    seeds, fixed_seeds = int(os.environ.get("SEEDS", "20")), int(os.environ.get("FIXED_SEEDS", "4"))
    found = all_of(_todo(seeds, fixed_seeds))
    text = "\n".join(_page(found, seeds, fixed_seeds)).rstrip() + "\n"
    (DOCS / "pacing.md").write_text(text, "utf-8")
    lines = (
        Line("look-ahead that knows all", list(BOUNDS.items()), "#999999", dashed=True),
        Line("predictive", [(team, found[f"predictive {team}"].utilisation) for team in TEAMS], "#0b6e4f"),
        Line("best fixed ratio", [(team, found[f"fixed {team}"].utilisation) for team in TEAMS], "#b3541e"),
        Line("progressive", [(team, found[f"progressive {team}"].utilisation) for team in TEAMS], "#30638e"),
    )
    (DOCS / "pacing.svg").write_text(plot("utilisation", "agents", lines), "utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
