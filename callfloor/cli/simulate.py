"""`callfloor simulate`: days of a simulated centre, and what they come to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from callfloor.centre import parse
from callfloor.cli.centres import read as read_text
from callfloor.cli.failures import harmless
from callfloor.simulation import scenario
from callfloor.simulation.caller_figures import CallerFigures
from callfloor.simulation.figures import DetectionFigures, Figures
from callfloor.simulation.run import simulate
from callfloor.simulation.scenario import Scenario


def run(path: Path, seed: int, runs: int | None, *, as_json: bool) -> None:
    """Simulate the file's day with `runs` seeds from `seed` on, and print the figures. Raises `CentreError`.

    As JSON it is one object, or with `runs` an array of them.
    """
    day = scenario.read(parse(read_text(path), str(path)))
    figures = _simulated(day, range(seed, seed + (runs or 1)))
    if as_json:
        print(msgspec.json.encode(figures[0] if runs is None else figures).decode())
        return
    print(harmless(f"{path}: {_heading(day, figures)}"), end="\n\n")
    for line in _table(day, figures):
        print(line)


def _simulated(day: Scenario, seeds: range) -> list[Figures]:
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=day.duration_s * len(seeds))
        done: list[Figures] = []
        for seed in seeds:
            progress.update(task, description=f"seed {seed}")
            before = day.duration_s * len(done)
            done.append(
                simulate(day, seed, lambda passed, before=before: progress.update(task, completed=before + passed))
            )
        return done


def _heading(day: Scenario, figures: Sequence[Figures]) -> str:
    first, last = figures[0], figures[-1]
    seeds = f"seed {first.seed}" if len(figures) == 1 else f"seeds {first.seed} to {last.seed}"
    agents = f"{first.agents} agent{'' if first.agents == 1 else 's'}"
    wall_s = sum(each.wall_seconds for each in figures)
    mode = "inbound" if day.mode is None else day.mode if day.inbound is None else f"{day.mode} and inbound"
    return f"{agents}, {mode}, {first.hours:g} hours, {seeds}, simulated in {wall_s:.1f} s"


Value = Callable[[Figures], float]
# name, what it is of a day, how it is written, and which of several days is the worst (none is for a mere count)
Row = tuple[str, Value, str, Callable[[Sequence[float]], float] | None]
_OF_AGENTS: tuple[Row, ...] = (
    ("utilisation", lambda f: 100 * f.utilisation, "{:.1f} %", min),
    ("talk per agent and hour", lambda f: f.talk_minutes_per_agent_hour, "{:.1f} min", min),
    ("agent waits for a call", lambda f: f.mean_agent_wait_seconds, "{:.1f} s", max),
)
_OF_CALLED: tuple[Row, ...] = (
    ("attempts", lambda f: f.attempts, "{:,.0f}", None),
    ("live answers", lambda f: f.live_answers, "{:,.0f}", None),
    ("abandoned", lambda f: f.abandoned, "{:,.0f}", max),
    ("abandonment rate", lambda f: 100 * f.abandonment_rate, "{:.2f} %", max),
    ("abandonment, worst hour", lambda f: 100 * f.worst_hour_abandonment_rate, "{:.2f} %", max),
    ("connect delay, median", lambda f: f.connect_delay_ms.p50, "{:,.0f} ms", max),
    ("connect delay, p99", lambda f: f.connect_delay_ms.p99, "{:,.0f} ms", max),
    ("connect delay, longest", lambda f: f.connect_delay_ms.max, "{:,.0f} ms", max),
)


def _detection(value: Callable[[DetectionFigures], float]) -> Value:
    return lambda figures: math.nan if figures.machine_detection is None else value(figures.machine_detection)


def _callers(value: Callable[[CallerFigures], float]) -> Value:
    return lambda figures: math.nan if figures.inbound is None else value(figures.inbound)


_OF_DETECTION: tuple[Row, ...] = (
    ("  taken for machines", _detection(lambda d: d.persons_taken_for_machines), "{:,.0f}", max),
    ("machines given to agents", _detection(lambda d: d.machines_taken_for_persons), "{:,.0f}", max),
)
_OF_CALLERS: tuple[Row, ...] = (
    ("callers", _callers(lambda c: c.received), "{:,.0f}", None),
    ("answered", _callers(lambda c: c.answered), "{:,.0f}", None),
    ("gave up in the workflow", _callers(lambda c: c.abandoned_in_workflow), "{:,.0f}", max),
    ("gave up in the queue", _callers(lambda c: c.abandoned_in_queue), "{:,.0f}", max),
    ("missed", _callers(lambda c: c.missed), "{:,.0f}", max),
    ("voicemails", _callers(lambda c: c.voicemails), "{:,.0f}", None),
    (
        "service level",
        _callers(lambda c: math.nan if c.service_level is None else 100 * c.service_level),
        "{:.1f} %",
        min,
    ),
    ("wait in the queue", _callers(lambda c: c.mean_wait_seconds), "{:.1f} s", max),
    ("longest wait", _callers(lambda c: c.longest_wait_seconds), "{:.1f} s", max),
)


def _rows(day: Scenario, first: Figures) -> list[Row]:
    """Those that the day has something for."""
    rows = list(_OF_AGENTS)
    if day.mode is not None:
        rows += _OF_CALLED
        if first.machine_detection is not None:
            after = next(index for index, row in enumerate(rows) if row[0] == "abandoned") + 1
            rows[after:after] = _OF_DETECTION
    return rows + list(_OF_CALLERS if day.inbound is not None else ())


def _table(day: Scenario, figures: Sequence[Figures]) -> list[str]:
    """One line a figure; of several days their mean and the worst."""
    several = len(figures) > 1
    lines = [f"{'':24}{'mean':>12}{'worst day':>12}"] if several else []
    for name, value, form, worst in _rows(day, figures[0]):
        values = [value(each) for each in figures]
        known = [each for each in values if not math.isnan(each)]
        cells = [form.format(sum(known) / len(known)) if known else "–"]
        if several and worst is not None and known:
            cells.append(form.format(worst(known)))
        lines.append(f"{name:24}" + "".join(f"{cell:>12}" for cell in cells))
    if day.mode == "predictive":
        lines.append(f"{'cap on abandonment':24}{f'{100 * day.abandonment_cap:.2f} %':>12}")
    return lines
