"""Prompts, queues and workflows that are right, for random centres."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from callfloor.contract.centre import Campaign
from callfloor.contract.workflows import (
    Callback,
    Function,
    Hangup,
    Menu,
    Prompt,
    Question,
    Queue,
    QueueSettings,
    Schedule,
    Set,
    Sound,
    Step,
    Survey,
    Voicemail,
    Workflow,
)

SKILLS = ("german", 'odd "skill"')
LEVELS = st.dictionaries(st.sampled_from(SKILLS), st.integers(1, 10))
_SECONDS = st.sampled_from([1.0, 2.5, 10.0])


def sounds() -> st.SearchStrategy[dict[str, Sound]]:
    """Prompts by name, all of them words."""
    one = st.builds(
        Sound,
        name=st.sampled_from(["welcome", 'odd "prompt"\n!', "bye"]),
        text=st.sampled_from(["Welcome", 'Say "yes"\nor no', "größer"]),
        language=st.sampled_from([None, "de", "en-gb"]),
    )
    return st.lists(one, max_size=3).map(lambda found: {each.name: each for each in found})


def queues(skills: list[str], prompts: list[str], names: list[str]) -> st.SearchStrategy[QueueSettings]:
    """`names`: of workflows."""
    return st.builds(
        QueueSettings,
        skills=st.dictionaries(st.sampled_from(skills), st.integers(1, 10)) if skills else st.just({}),
        relax_skills_seconds=st.sampled_from([None, 30.0]),
        service_level_seconds=st.sampled_from([20.0, 12.0]),
        max_wait_seconds=st.sampled_from([None, 600.0]),
        max_length=st.sampled_from([None, 50]),
        priority=st.integers(-3, 3),
        aging_seconds=st.sampled_from([None, 60.0, 30.0]),
        announce_seconds=st.sampled_from([None, 45.0]),
        announce_position=st.booleans(),
        announce_wait=st.booleans(),
        agent_ring_seconds=st.sampled_from([15.0, 20.0]),
        survey=st.sampled_from([None, *names]),
        music=st.sampled_from([None, *prompts]),
    )


@st.composite
def workflows(
    draw: st.DrawFn, name: str, numbers: tuple[str, ...], prompts: list[str], campaigns: Mapping[str, Campaign]
) -> Workflow:
    """A workflow of some steps, each of which leads to the next; there are prompts."""
    prompt = st.sampled_from(prompts)
    inbound = [each.name for each in campaigns.values() if each.direction == "inbound"]
    lists = [(each.name, one) for each in campaigns.values() if each.direction == "outbound" for one in each.lists]
    kinds = ["schedule", "prompt", "menu", "set", "function", "survey"]
    kinds += ["queue", "voicemail"] if inbound else []
    kinds += ["callback"] if lists else []
    chosen = draw(st.lists(st.sampled_from(kinds), max_size=5))
    steps: list[Step] = []
    for index, kind in enumerate(chosen):
        steps.append(draw(_step(kind, f"step {index}", f"step {index + 1}", prompt, inbound, lists)))
    steps.append(Hangup(name=f"step {len(chosen)}", prompt=draw(st.one_of(st.none(), prompt))))
    return Workflow(name=name, numbers=numbers, start="step 0", steps=tuple(steps))


def _step(
    kind: str,
    name: str,
    following: str,
    prompt: st.SearchStrategy[str],
    inbound: list[str],
    lists: list[tuple[str, str]],
) -> st.SearchStrategy[Step]:
    named, then, perhaps = st.just(name), st.just(following), st.sampled_from([None, following])
    options = st.dictionaries(st.sampled_from("0123456789*#"), then, min_size=1, max_size=3)
    answer = {"retries": st.integers(0, 3), "timeout_seconds": _SECONDS}
    match kind:
        case "schedule":
            hours = st.sampled_from([None, {"monday": ("09:00-12:00", "13:00-17:00"), "sunday": ()}])
            zones, calendars = st.sampled_from([None, "Australia/Perth"]), st.sampled_from([None, "AU-NSW"])
            return st.builds(
                Schedule,
                name=named,
                hours=hours,
                timezone=zones,
                holidays=calendars,
                open=then,
                closed=then,
                holiday=perhaps,
                emergency=perhaps,
            )
        case "prompt":
            return st.builds(Prompt, name=named, prompt=prompt, next=then)
        case "menu":
            return st.builds(
                Menu, name=named, prompt=prompt, options=options, **answer, on_invalid=perhaps, on_timeout=perhaps
            )
        case "set":
            return st.builds(Set, name=named, priority=st.integers(-5, 5), next=then)
        case "queue":
            return st.builds(
                Queue,
                name=named,
                campaign=st.sampled_from(inbound),
                max_wait_seconds=st.sampled_from([None, 60.0]),
                max_length=st.sampled_from([None, 5]),
                announce_seconds=st.sampled_from([None, 30.0]),
                prompt=st.one_of(st.none(), prompt),
                options=options,
                on_full=then,
                on_timeout=then,
                on_no_agents=perhaps,
            )
        case "voicemail":
            campaign = st.sampled_from(inbound)
            return st.builds(
                Voicemail, name=named, prompt=prompt, campaign=campaign, longest_seconds=_SECONDS, next=then
            )
        case "callback":
            return st.sampled_from(lists).flatmap(
                lambda place: st.builds(
                    Callback,
                    name=named,
                    campaign=st.just(place[0]),
                    list=st.just(place[1]),
                    prompt=prompt,
                    next=then,
                    on_error=perhaps,
                )
            )
        case "function":
            return st.builds(
                Function,
                name=named,
                url=st.sampled_from(["https://crm.example.com/route?a=1", "http://192.0.2.1:8080/"]),
                timeout_seconds=_SECONDS,
                outcomes=st.dictionaries(st.sampled_from(["vip", 'odd "outcome"']), then),
                next=then,
                on_error=then,
            )
        case _:
            question = st.builds(
                Question, name=st.just("polite"), prompt=prompt, digits=st.sampled_from(["1-5", "0-9"])
            )
            return st.builds(Survey, name=named, questions=st.tuples(question), **answer, next=then)
