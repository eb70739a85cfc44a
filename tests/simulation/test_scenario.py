"""Scenario files: their defaults, and every mistake with its line."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callfloor.centre import CentreError, parse
from callfloor.simulation.scenario import Scenario, Truth, read
from callfloor.telephony.simulated.behaviour import Behaviour, Distribution

WHOLE = """\
hours = 4
warmUpMinutes = 20
[campaign]
mode = "progressive"
abandonmentCap = 0.02
graceSeconds = 1.5
[agents]
count = 12
[calls]
liveProbability = 0.3
machineProbability = 0.2
talkSeconds = { distribution = "gamma", mean = 90, cv = 0.5 }
wrapSeconds = { distribution = "exponential", mean = 15 }
[[shocks]]
atMinutes = 120
liveProbability = 0.5
agents = 6
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(CentreError) as found:
        read(parse(text, "s.toml"))
    return list(found.value.mistakes)


def test_all_but_the_number_of_agents_has_a_default() -> None:
    day = read(parse("[agents]\ncount = 50", "s.toml"))
    assert day == Scenario(Truth(50))
    assert (day.duration_s, day.warm_up_s, day.mode) == (8 * 3600.0, 1800.0, "predictive")
    assert (day.abandonment_cap, day.grace_s) == (0.03, 2.0)
    assert day.truth.behaviour == Behaviour(
        live=0.25,
        answer_s=Distribution("normal", 12.0, sd=5.0, least=1.5),
        ring_out_s=Distribution("constant", 28.0),
        talk_s=Distribution("lognormal", 120.0, cv=0.8),
    )
    assert day.truth.wrap_s == Distribution("constant", 20.0)


def test_a_whole_file_is_read_and_a_shock_keeps_what_it_does_not_name() -> None:
    day = read(parse(WHOLE, "s.toml"))
    assert (day.duration_s, day.warm_up_s, day.mode, day.abandonment_cap) == (14_400.0, 1200.0, "progressive", 0.02)
    ((at, after),) = day.shocks
    assert (at, after.agents, after.behaviour.live, after.behaviour.machine) == (7200.0, 6, 0.5, 0.2)
    assert after.behaviour.talk_s == day.truth.behaviour.talk_s == Distribution("gamma", 90.0, cv=0.5)


@pytest.mark.parametrize(
    ("was", "instead", "said"),
    [
        ("count = 12", "cuont = 12", "agents.cuont is not known; did you mean count?"),
        ("count = 12", "count = 0", "must be from 1 to 2000"),
        ("hours = 4", "hours = 0", "hours must be above 0"),
        ("warmUpMinutes = 20", "warmUpMinutes = 240", "must be shorter than hours"),
        ('mode = "progressive"', 'mode = "aggressive"', "did you mean progressive?"),
        ("liveProbability = 0.3", "liveProbability = 0.9", "add up to 1.1: more than 1"),
        ("liveProbability = 0.3", "liveProbability = nan", "must be from 0 to 1"),
        ("liveProbability = 0.3", 'liveProbability = "0.3"', "must be a number"),
        ('"gamma", mean = 90, cv = 0.5', '"gamma", mean = 90', "has no cv, which a gamma distribution needs"),
        ('"gamma", mean = 90, cv = 0.5', '"gamma", mean = 90, cv = 0.5, sd = 1', "is nothing to a gamma distribution"),
        ('"gamma", mean = 90, cv = 0.5', '"gama", mean = 90, cv = 0.5', "did you mean gamma?"),
        ('{ distribution = "gamma", mean = 90, cv = 0.5 }', "90", "must be a distribution, such as { distribution"),
        ("atMinutes = 120\n", "", "shocks[0] has no atMinutes"),
    ],
)
def test_mistakes_are_told_by_line(was: str, instead: str, said: str) -> None:
    assert was in WHOLE
    found = mistakes(WHOLE.replace(was, instead, 1))
    assert any(said in each for each in found), found
    for each in found:
        file, line, _ = each.split(":", 2)
        assert file == "s.toml"
        assert 0 < int(line) <= len(WHOLE.splitlines())


_VALUES = st.recursive(
    st.one_of(
        st.booleans(), st.integers(-5, 5000), st.floats(), st.sampled_from(["gamma", "constant", "preview", "x"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["count", "mean", "distribution", "liveProbability", "x"]), inner, max_size=3),
    ),
    max_leaves=6,
)
_KEYS = st.sampled_from(["hours", "warmUpMinutes", "campaign", "agents", "calls", "shocks", "x"])


@given(st.dictionaries(_KEYS, _VALUES, max_size=5))
def test_no_file_is_worse_than_refused(tree: dict[str, object]) -> None:
    source = parse("", "s.toml")
    object.__setattr__(source, "tree", tree)
    with suppress(CentreError):
        assert read(source).truth.agents >= 1
