"""A process that simulates hours of campaigns, one after another: a run a line on its standard input, an outcome a line
on its output. Started by `jobs/what_ifs.py`; it ends when its input does, and may be killed at any moment."""

from __future__ import annotations

import sys
from random import Random

import msgspec

from callfloor.contract.what_ifs import Outcome, Run
from callfloor.rules.dialling.estimates import LiveRate
from callfloor.rules.dialling.pacing import Pacer
from callfloor.rules.dialling.pacing_facts import PacingSettings, Past
from callfloor.simulation.run import simulate
from callfloor.simulation.scenario import Scenario, Truth
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution

# What counts comes behind the time in which the team gets out of step: all begin the hour idle.
WARM_UP_S, COUNTED_S = 10 * 60.0, 30 * 60.0
# Calls that pacing knows beforehand, as if the campaign had run all along.
KNOWN = 200
_LEAST_S = 1.0


def outcome_of(run: Run) -> Outcome:
    """Simulate. The same run has the same outcome."""
    behaviour = Behaviour(
        live=run.live,
        machine=run.machine,
        busy=run.busy,
        invalid=run.disconnected,
        failed=run.failed,
        person_for_machine=run.taken_for_machines,
        answer_s=_spread(run.answer),
        ring_out_s=Distribution("constant", run.ring_out),
        talk_s=_spread(run.talk),
    )
    truth = Truth(run.agents, behaviour, _spread(run.wrap_up))
    scenario = Scenario(
        truth,
        duration_s=WARM_UP_S + COUNTED_S,
        warm_up_s=WARM_UP_S,
        mode=run.mode,
        abandonment_cap=run.cap,
        grace_s=run.grace_seconds,
        persons_taken_for_machines=run.taken_for_machines,
    )
    past = _past(truth, run.seed)

    def pacer(settings: PacingSettings, _: Past | None = None) -> Pacer:
        return Pacer(settings, past)

    figures = simulate(scenario, run.seed, make_pacer=pacer)
    return Outcome(
        utilisation=figures.utilisation,
        live_answers=figures.live_answers,
        abandoned=figures.abandoned,
        talks_per_hour=(figures.live_answers - figures.abandoned) * 3600 / COUNTED_S,
    )


def _spread(time: tuple[float, float]) -> Distribution:
    mean, cv = time
    if cv < 0.05:
        return Distribution("constant", mean)
    return Distribution("lognormal", mean, cv=cv, least=_LEAST_S)


def _past(truth: Truth, seed: int) -> Past:
    """What pacing would know had the campaign run so for a while, and spent nothing."""
    random, behaviour = Random(seed), truth.behaviour  # noqa: S311 – no secret comes of it
    rate = LiveRate()
    for minute in range(10):
        live = behaviour.live * KNOWN / 10
        rate.update(live, KNOWN / 10 - live, 60.0 * minute)

    def drawn(time: Distribution) -> tuple[float, ...]:
        return tuple(time.draw(random) for _ in range(KNOWN))

    return Past(
        buckets=((3600.0, round(behaviour.live * KNOWN), 0),),
        talk_s=drawn(behaviour.talk_s),
        wrap_s=drawn(truth.wrap_s),
        answer_s=drawn(behaviour.answer_s),
        other_s=drawn(behaviour.ring_out_s),
        live_rate=rate.weights(),
    )


def main() -> None:
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(msgspec.json.encode(outcome_of(msgspec.json.decode(line, type=Run))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
