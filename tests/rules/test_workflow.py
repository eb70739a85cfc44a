"""Every event in every state of a workflow, in any order, doubled and lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callfloor.contract.workflows import (
    Callback,
    Function,
    FunctionAnswer,
    Hangup,
    Menu,
    Question,
    Queue,
    Schedule,
    Set,
    Step,
    Survey,
    Voicemail,
    Workflow,
    straight,
)
from callfloor.rules.workflow.workflow import MOST_ENTERED, advance, begin, resume
from callfloor.rules.workflow.workflow_check import check
from callfloor.rules.workflow.workflow_events import (
    Action,
    CallFunction,
    Connected,
    Digit,
    Facts,
    FunctionAnswered,
    FunctionFailed,
    HangUp,
    HungUp,
    Input,
    JoinQueue,
    LeaveQueue,
    NoAgents,
    NoteAnswer,
    Play,
    Played,
    QueueFull,
    QueueTimedOut,
    Recorded,
    RecordMessage,
    RegisterCallback,
    Registered,
    StartTimer,
    State,
    StopPlaying,
    StopRecording,
    TimedOut,
)
from tests.breadth import examples
from tests.rules.random_workflows import KNOWN, workflows

SYDNEY = ZoneInfo("Australia/Sydney")
# a Wednesday, 11:00 in Sydney
WORKDAY = datetime(2026, 11, 25, 0, 0, tzinfo=UTC)
FACTS = Facts(
    WORKDAY, SYDNEY, call="call-1", caller="+61255500300", called="+61255500200",
    campaigns={"Support": 7, "Sales": 8}, lists={("Sales", "Callbacks"): 9},
)  # fmt: skip


def workflow(*steps: Step) -> Workflow:
    return Workflow(name="Main", start=steps[0].name, steps=steps)


class Call:
    """Goes through a workflow; `answer` gives the turn that is awaited."""

    def __init__(self, *steps: Step, facts: Facts = FACTS) -> None:
        self.workflow, self.facts = workflow(*steps), facts
        self.state, self.actions = begin(self.workflow, facts)

    def __call__(self, happened: Input) -> tuple[Action, ...]:
        self.state, self.actions = advance(self.workflow, self.state, happened, self.facts)
        return self.actions

    def press(self, digit: str) -> tuple[Action, ...]:
        return self(Digit(digit))

    def played(self) -> tuple[Action, ...]:
        return self(Played(self.state.turn))


BYE = Hangup(name="bye", prompt="bye")
MENU = Menu(name="menu", prompt="menu", options={"1": "queue", "2": "bye"}, retries=1, on_timeout="bye")
QUEUE = Queue(
    name="queue",
    campaign="Support",
    max_wait_seconds=60,
    options={"9": "callback"},
    on_timeout="voicemail",
    on_full="bye",
    on_no_agents="voicemail",
)
VOICEMAIL = Voicemail(name="voicemail", prompt="after the tone", campaign="Support", next="bye")
CALLBACK = Callback(name="callback", campaign="Sales", list="Callbacks", prompt="we call", on_error="voicemail")
USUAL = (MENU, QUEUE, VOICEMAIL, CALLBACK, BYE)


def test_a_caller_chooses_waits_and_is_connected() -> None:
    call = Call(*USUAL)
    assert call.actions == (Play(1, "menu"),)
    stop, join = call.press("1")
    assert stop == StopPlaying()
    assert join == JoinQueue(2, 7, None, {}, 60, None, None, None, frozenset("9"), True)
    assert call.state.place == "queue"
    assert call(Connected(2)) == ()
    assert call.state.place == "agent"
    assert call(QueueTimedOut(2)) == call.press("9") == ()
    assert call(HungUp()) == ()
    assert call.state.place == "ended"


def test_a_menu_is_played_again_and_then_given_up() -> None:
    call = Call(*USUAL)
    assert call.played() == (StartTimer(2, 5.0),)
    assert call(TimedOut(2)) == (Play(3, "menu"),)
    # a wrong key while it plays is a try as well
    assert call.press("7") == (StopPlaying(), Play(4, "bye"))
    assert call(Played(4)) == (HangUp(),)
    assert call.state.digits == "7"


def test_a_wrong_key_leads_elsewhere_than_silence_where_that_is_asked_for() -> None:
    menu = msgspec.structs.replace(MENU, retries=0, on_invalid="queue")
    assert isinstance(Call(menu, *USUAL[1:]).press("7")[1], JoinQueue)


@pytest.mark.parametrize(
    ("happened", "following"),
    [
        (QueueFull(2), (Play(3, "bye"),)),
        (QueueTimedOut(2), (Play(3, "after the tone"),)),
        (NoAgents(2), (Play(3, "after the tone"),)),
        (Digit("9"), (LeaveQueue(), RegisterCallback(3, 8, 9))),
        (Digit("1"), ()),
    ],
)
def test_each_way_out_of_a_queue(happened: Input, following: tuple[Action, ...]) -> None:
    call = Call(*USUAL)
    call.press("1")
    assert call(happened) == following


def test_who_is_not_led_elsewhere_waits_for_agents_that_are_not_there() -> None:
    call = Call(Queue(name="queue", campaign="Support"))
    assert call(NoAgents(1)) == ()
    assert call.state.place == "queue"


def test_a_message_is_recorded_until_the_hash_key() -> None:
    call = Call(VOICEMAIL, BYE)
    assert call.played() == (RecordMessage(2, 7, 120.0),)
    assert call.press("1") == ()
    assert call.press("#") == (StopRecording(),)
    assert call(Recorded(2)) == (Play(3, "bye"),)


def test_a_callback_is_said_when_it_is_arranged() -> None:
    call = Call(CALLBACK, VOICEMAIL, BYE)
    assert call(Registered(1, done=True)) == (Play(2, "we call"),)
    assert call.played() == (HangUp(),)
    call = Call(CALLBACK, VOICEMAIL, BYE)
    assert call(Registered(1, done=False)) == (Play(2, "after the tone"),)
    nobody = Call(CALLBACK, VOICEMAIL, BYE, facts=Facts(WORKDAY, SYDNEY, campaigns=FACTS.campaigns, lists=FACTS.lists))
    assert nobody.actions == (Play(1, "after the tone"),)


FUNCTION = Function(name="ask", url="https://crm.example.com/", outcomes={"vip": "queue"}, next="menu", on_error="bye")


def test_a_function_says_how_to_go_on() -> None:
    start = Set(name="set", priority=3, skills={"german": 4, "billing": 1}, next="ask")
    call = Call(start, FUNCTION, *USUAL)
    (asked,) = call.actions
    assert isinstance(asked, CallFunction)
    assert (asked.timeout_s, asked.request.caller, asked.request.priority) == (5.0, "+61255500300", 3)
    answer = FunctionAnswer(priority=9, skills={"billing": 0, "gold": 2}, variables={"account": "12"}, next="vip")
    (joined,) = call(FunctionAnswered(1, answer))
    assert isinstance(joined, JoinQueue)
    assert (joined.priority, joined.skills) == (9, {"german": 4, "gold": 2})
    assert call.state.variables == {"account": "12"}


@pytest.mark.parametrize(
    ("happened", "prompt"),
    [
        (FunctionFailed(1), "bye"),
        (FunctionAnswered(1, FunctionAnswer(next="nowhere")), "bye"),
        (FunctionAnswered(1, FunctionAnswer()), "menu"),
    ],
)
def test_a_function_that_fails_or_says_nothing(happened: Input, prompt: str) -> None:
    assert Call(FUNCTION, *USUAL)(happened) == (Play(2, prompt),)


def test_a_survey_asks_again_leaves_out_and_goes_on() -> None:
    questions = (Question(name="polite", prompt="one"), Question(name="solved", prompt="two", digits="0-1"))
    call = Call(Survey(name="survey", questions=questions, next="bye"), BYE)
    assert call.press("9") == ()
    assert call.press("5") == (StopPlaying(), NoteAnswer("polite", "5"), Play(2, "two"))
    call.played()
    assert call(TimedOut(3)) == (Play(4, "two"),)
    call.played()
    assert call(TimedOut(5)) == (Play(6, "bye"),)


HOURS = Schedule(
    name="hours",
    hours={"wednesday": ("09:00-17:00",), "friday": ("09:00-17:00",)},
    holidays="AU-NSW",
    open="open",
    closed="closed",
    holiday="holiday",
    emergency="emergency",
)


@pytest.mark.parametrize(
    ("at", "emergency", "prompt"),
    [
        (WORKDAY, False, "open"),
        (WORKDAY, True, "emergency"),
        (datetime(2026, 11, 25, 7, 0, tzinfo=UTC), False, "closed"),
        (datetime(2026, 12, 25, 0, 0, tzinfo=UTC), False, "holiday"),
        (datetime(2026, 12, 25, 0, 0, tzinfo=UTC), True, "emergency"),
    ],
)
def test_a_schedule_goes_by_emergency_holiday_and_hours(at: datetime, emergency: bool, prompt: str) -> None:
    ends = [Hangup(name=name, prompt=name) for name in ("open", "closed", "holiday", "emergency")]
    assert Call(HOURS, *ends, facts=Facts(at, SYDNEY, emergency)).actions == (Play(1, prompt),)


def test_a_schedule_has_a_zone_of_its_own_and_closes_where_nothing_else_is_said() -> None:
    ends = [Hangup(name=name, prompt=name) for name in ("open", "closed")]
    perth = Schedule(
        name="hours", hours={"wednesday": ("09:00-17:00",)}, timezone="Australia/Perth", open="open", closed="closed"
    )
    # 08:00 there
    assert Call(perth, *ends).actions == (Play(1, "closed"),)
    always = Schedule(name="hours", open="open", closed="closed")
    assert Call(always, *ends).actions == (Play(1, "open"),)
    assert Call(always, *ends, facts=Facts(WORKDAY, SYDNEY, emergency=True)).actions == (Play(1, "closed"),)


def test_a_digit_that_is_told_twice_counts_once() -> None:
    call = Call(Menu(name="menu", prompt="menu", options={"1": "menu2"}), Menu(name="menu2", prompt="two", options={}))
    call(Digit("1", 1))
    before = call.state
    assert call(Digit("1", 1)) == ()
    assert call.state == before


def test_a_number_without_a_workflow_leads_straight_into_its_queue() -> None:
    state, actions = begin(straight("Support"), FACTS)
    assert isinstance(actions[0], JoinQueue)
    assert advance(straight("Support"), state, QueueFull(1), FACTS)[1] == (HangUp(),)
    assert check(straight("Support"), KNOWN) == []


def test_a_workflow_that_changed_under_a_call_lets_it_go_or_wait() -> None:
    other = workflow(BYE)
    state, _ = begin(workflow(QUEUE, VOICEMAIL, CALLBACK, BYE), FACTS)
    assert advance(other, state, NoAgents(state.turn), FACTS) == (state, ())
    assert advance(other, state, Connected(state.turn), FACTS)[0].place == "agent"
    assert advance(other, state, QueueTimedOut(state.turn), FACTS)[1] == (HangUp(),)


def test_another_process_asks_again_for_what_was_awaited() -> None:
    call = Call(*USUAL)
    assert resume(call.workflow, call.state, FACTS)[1] == (Play(2, "menu"),)
    (_, joined) = call.press("1")
    assert isinstance(joined, JoinQueue)
    state, (again,) = resume(call.workflow, call.state, FACTS)
    assert again == replace(joined, turn=3)
    assert advance(call.workflow, state, QueueTimedOut(2), FACTS) == (state, ())
    call(Connected(2))
    assert resume(call.workflow, call.state, FACTS) == (call.state, ())


# Anything at all

_turns = st.integers(0, 12)
_INPUTS: st.SearchStrategy[Input] = st.one_of(
    st.builds(Digit, digit=st.sampled_from("0123456789*#"), number=st.just(0)),
    st.builds(Played, turn=_turns),
    st.builds(TimedOut, turn=_turns),
    st.builds(FunctionFailed, turn=_turns),
    st.builds(
        FunctionAnswered,
        turn=_turns,
        answer=st.builds(
            FunctionAnswer,
            priority=st.sampled_from([None, 4]),
            skills=st.sampled_from([{}, {"german": 3}]),
            variables=st.sampled_from([{}, {"account": "1"}]),
            next=st.sampled_from([None, "vip", "normal", "nowhere"]),
        ),
    ),
    st.builds(QueueFull, turn=_turns),
    st.builds(QueueTimedOut, turn=_turns),
    st.builds(NoAgents, turn=_turns),
    st.builds(Connected, turn=_turns),
    st.builds(Recorded, turn=_turns),
    st.builds(Registered, turn=_turns, done=st.booleans()),
)


def awaited(state: State) -> list[Input]:
    """What may come next of itself, the caller doing nothing; the likely first."""
    turn = state.turn
    match state.doing:
        case "playing":
            return [Played(turn)]
        case "listening":
            return [TimedOut(turn)]
        case "asking":
            answers = [FunctionAnswered(turn, FunctionAnswer(next=each)) for each in (None, "vip", "normal")]
            return [FunctionFailed(turn), *answers]
        case "queued":
            return [Connected(turn), QueueTimedOut(turn), QueueFull(turn), NoAgents(turn)]
        case "recording":
            return [Recorded(turn)]
        case "registering":
            return [Registered(turn, done=True), Registered(turn, done=False)]
        case "connected" | "ended":
            return []


def assert_sound(before: State, happened: Input | None, state: State, actions: tuple[Action, ...]) -> None:
    """What holds after any event whatever."""
    assert state.turn >= before.turn
    if state.place == "ended":
        assert (HangUp() in actions) == (happened != HungUp() and before.doing != "ended")
    else:
        assert HangUp() not in actions
    # one thing is awaited at a time, and it is the last that was asked for
    asked = [each for each in actions if hasattr(each, "turn")]
    assert len(asked) <= 1
    if asked:
        assert asked[0].turn == state.turn > before.turn
        assert asked[0] is actions[-1]
    if LeaveQueue() in actions:
        assert before.doing == "queued"
        assert state.doing != "queued" or state.turn > before.turn
    if StopPlaying() in actions:
        assert before.doing == "playing"
    assert state == msgspec.json.decode(msgspec.json.encode(state), type=State)


_WHEN = st.sampled_from([WORKDAY, datetime(2026, 12, 25, 1, 0, tzinfo=UTC), datetime(2026, 11, 27, 14, 0, tzinfo=UTC)])


@settings(max_examples=examples(40, long=100))
@given(workflows(), st.lists(st.one_of(_INPUTS, st.integers(0, 3), st.just(HungUp()))), _WHEN, st.booleans())
def test_whatever_happens_in_any_order_has_a_meaning_and_does_no_harm(
    flow: Workflow, happening: list[Input | int], at: datetime, emergency: bool
) -> None:
    facts = Facts(at, SYDNEY, emergency, caller="+61255500300", campaigns=FACTS.campaigns, lists=FACTS.lists)
    state, actions = begin(flow, facts)
    assert_sound(State(doing="playing"), None, state, actions)
    for each in happening:
        if isinstance(each, int):
            # a number stands for one of what is awaited, so that long ways are gone as well
            due = awaited(state)
            happened = due[each % len(due)] if due else HungUp()
        else:
            happened = each
        before = state
        state, actions = advance(flow, state, happened, facts)
        assert_sound(before, happened, state, actions)
        if not isinstance(happened, Digit):
            assert advance(flow, state, happened, facts) == (state, ())
        # another process goes on in the same place
        again, asked = resume(flow, state, facts)
        assert_sound(state, None, again, asked)
        assert (again.step, again.doing == "listening") == (state.step, False)
        assert bool(asked) == (state.doing not in ("ended", "connected"))
        assert advance(flow, again, Played(state.turn), facts) == (again, ())
    assert advance(flow, state, HungUp(), facts)[0].place == "ended"


@settings(max_examples=examples(40, long=100))
@given(workflows(), st.lists(st.integers(0, 3), min_size=1), _WHEN, st.booleans())
def test_a_call_through_any_workflow_ends(flow: Workflow, chosen: list[int], at: datetime, emergency: bool) -> None:
    """Also through one that should never have been taken, and whatever is answered over and over."""
    facts = Facts(at, SYDNEY, emergency, caller="+61255500300", campaigns=FACTS.campaigns, lists=FACTS.lists)
    state, _ = begin(flow, facts)
    events = 0
    while due := awaited(state):
        if state.doing == "queued" and isinstance(due[0], Connected):
            due = due[1:]
        happened = due[chosen[events % len(chosen)] % len(due)]
        before = state
        state, _ = advance(flow, state, happened, facts)
        if state == before:
            # waits in a queue that nobody is signed in to
            assert happened == NoAgents(state.turn)
            return
        events += 1
    assert state.entered <= MOST_ENTERED
    # a menu or survey of up to three prompts, each played three times and listened to
    assert events <= MOST_ENTERED * 18


@given(workflows(), _WHEN, st.booleans())
@settings(max_examples=examples(60, long=200))
def test_a_caller_who_does_nothing_ends_in_a_workflow_that_was_taken(
    flow: Workflow, at: datetime, emergency: bool
) -> None:
    if check(flow, KNOWN):
        return
    facts = Facts(at, SYDNEY, emergency, caller="+61255500300", campaigns=FACTS.campaigns, lists=FACTS.lists)
    # every way that nothing but the world decides: one of them reaches an end
    seen: set[tuple[str, str, int, int]] = set()
    waiting = [begin(flow, facts)[0]]
    ends = False
    while waiting:
        state = waiting.pop()
        ends = ends or state.doing in ("ended", "connected")
        key = (state.step, state.doing, state.tries, state.question)
        if key in seen:
            continue
        seen.add(key)
        waiting += [advance(flow, state, each, facts)[0] for each in awaited(state)]
    assert ends
