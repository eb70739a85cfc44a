"""How many lines a predictive campaign dials: as many as its agents can take, with few people answering to nobody."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

from callfloor.rules.dialling.budget import Bucket, Budget
from callfloor.rules.dialling.estimates import Durations, LiveRate, ends_within
from callfloor.rules.dialling.lookahead import EXACT, Chances, ExactBalance, LargeBalance, steps_of
from callfloor.rules.dialling.pacing_facts import Agent, Decision, Line, Mode, PacingInputs, PacingSettings, Past
from callfloor.rules.dialling.risk import TOKENS_MOST, Risk

# Steps of the tables: ringing and wrap-up, and talk.
FINE_S, COARSE_S = 0.5, 2.0
# Shares of the times to answer at which a new line's risk is taken
QUANTILES = (0.17, 0.5, 0.83)

# So far may the allowance be overdrawn before nobody more is risked.
OVERDRAFT = 4.0
# So many abandoned calls, of a day's, are left out of the share that is aimed at, for what the allowance differs by
# between two moments: a day is to keep the cap from whichever moment it is counted. At most such a part of the cap.
RESERVE, RESERVE_MOST = 2.5, 0.1
# A campaign without a past learns for so long; what it saves meanwhile is not spent later.
LEARNING_S = 1800.0
UNBEARABLE = 0.5


class Pacer:
    """One for a predictive campaign. Deterministic; knows no clock but the times that it is told, none of which may
    lie before the last."""

    def __init__(self, settings: PacingSettings, past: Past | None = None) -> None:
        self._settings = settings
        past = past or Past()
        self._idle: dict[Agent, float] = {}
        self._talking: dict[Agent, float] = {}
        self._wrapping: dict[Agent, float] = {}
        self._lines: dict[Line, float] = {}
        self._waiting: dict[Line, float] = {}
        # whose agent's phone is being brought in
        self._joining: dict[Line, float] = {}
        # picked up, and not yet known by whom
        self._detecting: set[Line] = set()
        self._cancelled: dict[Line, float] = {}
        self._budget = Budget(
            settings.cap_of_heard, settings.window_s, TOKENS_MOST, (Bucket(*bucket) for bucket in past.buckets)
        )
        self._steering = Risk(past.log_threshold)
        self._talk = Durations([20.0, 40.0, 60.0, 80.0, 100.0, 130.0, 160.0, 200.0, 260.0, 400.0], 500, past.talk_s)
        self._wrap = Durations([5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0], 200, past.wrap_s)
        self._answer, self._other = _rings(settings.ring_s, past.answer_s, past.other_s)
        self._rate = LiveRate(past.live_rate)
        self._live_ends = 0
        self._begun: deque[list[float]] = deque()
        self._rated_at = self._at = 0.0
        self._learns_until: float | None = None
        self._learned = any(age_s <= settings.window_s for age_s, _, _ in past.buckets)
        self._remake = 0
        self._last_risk = 0.0
        self._rate_used = self._rate.mean

    @property
    def lines(self) -> frozenset[Line]:
        """Those that nobody has answered yet, the ones that it gave up apart."""
        return frozenset(self._lines)

    @property
    def _staffed(self) -> int:
        return len(self._idle) + len(self._talking) + len(self._wrapping)

    def change(self, settings: PacingSettings) -> None:
        """Go on by other settings, with all that was learned and spent."""
        before, self._settings = self._settings, settings
        if settings == before:
            return
        self._budget.change(settings.cap_of_heard, settings.window_s, self._at)
        if settings.ring_s != before.ring_s:
            # who took longer than that would not be reached now, and what rang out does so sooner or later than before
            ring, long = settings.ring_s, before.ring_s - 1.0
            answers = [seconds for seconds in self._answer.seen() if seconds <= ring]
            others = [ring if seconds >= long else min(seconds, ring) for seconds in self._other.seen()]
            self._answer, self._other = _rings(ring, answers, others)
        # the tables are made anew with the next decision
        self._remake = 0

    # What happens

    def agent_idle(self, agent: Agent, at: float) -> None:
        self._leave(agent, at, idle=True)
        self._idle[agent] = at

    def agent_talking(self, agent: Agent, at: float) -> None:
        self._leave(agent, at)
        self._talking[agent] = at

    def agent_wrapping(self, agent: Agent, at: float) -> None:
        self._leave(agent, at)
        self._wrapping[agent] = at

    def agent_gone(self, agent: Agent, at: float) -> None:
        """Paused, signed out, or working for another campaign."""
        self._at = at
        for agents in (self._idle, self._talking, self._wrapping):
            agents.pop(agent, None)

    def dialled(self, line: Line, at: float) -> None:
        self._at = at
        self._lines[line] = at
        if self._begun and at - self._begun[-1][0] < FINE_S:
            self._begun[-1][1] += 1
        else:
            self._begun.append([at, 1.0, 0.0])

    def detecting(self, line: Line, at: float) -> None:
        """Picked up; whether by a person is being listened for. It is too late to cancel it."""
        self._at = at
        if line in self._lines or line in self._cancelled:
            self._detecting.add(line)

    def answered(self, line: Line, at: float) -> None:
        """By a person, after any detection, who waits for an agent from now on."""
        self._at = at
        since = self._take(line)
        if since is not None:
            self._answer.add(at - since)
            self._live_ends += 1
        self._waiting[line] = at
        self._budget.answered(at)
        self._steering.answered(self._budget.tokens)

    def reached(self, at: float) -> None:
        """By a person, on a line with an agent of its own: it counts, and says nothing of how to dial."""
        self._at = at
        self._budget.reached(at)

    def lost(self, at: float) -> None:
        """A person on such a line, whose agent went: abandoned like any other, and nothing for pacing to learn from."""
        self._at = at
        self._budget.lost(at)

    def ended_unanswered(self, line: Line, at: float) -> None:
        """Busy, invalid, rang out, a machine, or cancelled."""
        self._at = at
        censored = line in self._cancelled
        since = self._take(line)
        if since is not None and not censored:
            self._other.add(at - since)
        elif since is not None:
            for begun in self._begun:
                if since - begun[0] < FINE_S:
                    begun[1] -= 1
                    break

    def joining(self, line: Line, at: float) -> None:
        """The one who waits is being given an agent, who is none of the idle ones any more."""
        self._at = at
        if line in self._waiting:
            self._joining[line] = self._waiting.pop(line)

    def missed(self, line: Line, at: float) -> None:
        """That agent's phone was not taken: the person waits (again, unless the line had an agent of its own)."""
        self._at = at
        self._waiting[line] = self._joining.pop(line, at)

    def joined(self, line: Line, agent: Agent, at: float) -> None:
        """The one who waits has an agent. `agent_talking` is to be told too."""
        self._at = at
        since = self._joining.pop(line, self._waiting.pop(line, at))
        self._steering.waited(at - since)

    def abandoned(self, line: Line, at: float) -> None:
        """No agent within the grace time, or hung up while waiting."""
        self._at = at
        self._waiting.pop(line, None)
        self._joining.pop(line, None)
        self._steering.waited(math.inf)
        self._budget.lost(at)

    def _take(self, line: Line) -> float | None:
        self._detecting.discard(line)
        cancelled = self._cancelled.pop(line, None)
        return self._lines.pop(line, cancelled)

    def _leave(self, agent: Agent, at: float, *, idle: bool = False) -> None:
        """End what the agent was doing."""
        self._at = at
        self._idle.pop(agent, None)
        since = self._talking.pop(agent, None)
        if since is not None:
            self._talk.add(at - since)
            if idle:
                self._wrap.add(0.0)
        since = self._wrapping.pop(agent, None)
        if since is not None:
            self._wrap.add(at - since)

    # What to do

    def decide(self, at: float, most: int | None = None) -> Decision:
        """How many lines to dial, and which to give up, at this moment. `most`: more cannot be dialled anyway."""
        self._at = at
        self._budget.advance(at)
        self._learn(at)
        spare, threshold = (
            len(self._idle) - len(self._waiting),
            self._steering.threshold(self._budget.tokens, self._staffed),
        )
        left = self._left(spare, at)
        mode: Mode = "look-ahead"
        if left < 1.0:
            lines, cancel = self.one_each(at)
            mode = "stopped" if cancel else "one-to-one"
        else:
            lines = self._look_ahead(spare, threshold, at, most)
            if self._settings.minimum_ring_s > 0.0:
                lines = min(lines, self._bearable(spare + int(self._budget.left(at)), at))
            cancel = () if lines else self._cancel(self._unbearable(spare + int(left), at), at)
        return Decision(lines, cancel, self._why(threshold, mode))

    def one_each(self, at: float) -> tuple[int, tuple[Line, ...]]:
        """How many lines to dial and which to give up where each idle agent has one."""
        self._at = at
        spare = len(self._idle) - len(self._waiting)
        cancel = self._cancel(len(self._lines) - max(0, spare), at)
        return max(0, spare - len(self._lines)), cancel

    def _left(self, spare: int, at: float) -> float:
        """How many more people may be abandoned, were those without an agent already: who waits, and whoever has
        picked up. Below 1 nobody more is risked."""
        allowed = self._budget.tokens + OVERDRAFT + min(0, spare)
        return min(allowed, self._budget.left(at) + min(0, spare - len(self._detecting)))

    def _bearable(self, most: int, at: float) -> int:
        """How many lines more may ring where one must ring for a while before it may be cancelled: were all answered
        that cannot be cancelled, no more than `most` would be."""
        rung = self._settings.minimum_ring_s
        bound = sum(at - since < rung or line in self._detecting for line, since in self._lines.items())
        return max(0, most - bound)

    def _unbearable(self, sure: int, at: float) -> int:
        """How many lines are too many for the budget: with them it would likely be overdrawn."""
        if self._last_risk < UNBEARABLE:
            return 0
        steps = list(steps_of(self._lines, at, FINE_S, self._line_size))
        few, many = 0, len(steps)
        while few < many:
            middle = (few + many) // 2
            if self._risk(self._balances(sure, at, steps[: len(steps) - middle])) > UNBEARABLE:
                few = middle + 1
            else:
                many = middle
        return few

    def _cancel(self, count: int, at: float) -> tuple[Line, ...]:
        """The youngest lines, as far as they may be cancelled."""
        if count <= 0:
            return ()
        rung = self._settings.minimum_ring_s
        chosen = [
            line for line, since in reversed(self._lines.items()) if at - since >= rung and line not in self._detecting
        ][:count]
        for line in chosen:
            self._cancelled[line] = self._lines.pop(line)
        return tuple(chosen)

    def _look_ahead(self, sure: int, threshold: float, at: float, most: int | None) -> int:
        balances = self._balances(sure, at)
        count, limit = 0, 4 * (self._staffed) + 4
        limit = limit if most is None else min(most, limit)
        while True:
            self._last_risk = self._risk(balances)
            if count >= limit or self._last_risk > threshold:
                break
            count += 1
            for balance, line in zip(balances, self._line_table, strict=True):
                balance.dial(line.first)
        return count

    def _risk(self, balances: Sequence[ExactBalance | LargeBalance]) -> float:
        """The chance that nobody is free, the worst of each moment and all after it, as their mean."""
        total = worst = 0.0
        for balance in reversed(balances):
            worst = max(worst, balance.none_left())
            total += worst
        return total / len(balances)

    def _balances(self, sure: int, at: float, lines: list[int] | None = None) -> list[ExactBalance | LargeBalance]:
        if lines is None:
            lines = steps_of(self._lines, at, FINE_S, self._line_size)
        wraps = steps_of(self._wrapping, at, FINE_S, self._wrap_size)
        talks: list[int] | None = None
        uncertainty = self._rate.spread / self._rate.mean
        balances: list[ExactBalance | LargeBalance] = []
        for line, wrap, talk in zip(self._line_table, self._wrap_table, self._talk_table, strict=True):
            if talk.any and talks is None:
                talks = steps_of(self._talking, at, COARSE_S, self._talk_size)
            some = talks if talk.any and talks is not None else []
            if (sure + len(wraps) + len(some)) * (len(lines) + len(wraps) + len(some)) <= EXACT:
                balances.append(ExactBalance(sure, wrap.of(wraps) + talk.of(some), line.of(lines)))
            else:
                mean, variance, skew = wrap.sums(wraps)
                if some:
                    more = talk.sums(some)
                    mean, variance, skew = mean + more[0], variance + more[1], skew + more[2]
                balances.append(LargeBalance(sure, (mean, variance, skew), line.sums(lines), uncertainty))
        return balances

    def _learn(self, at: float) -> None:
        """Bring estimates and tables up to date; both cost more than a decision."""
        if not self._learned:
            self._learns_until = self._learns_until or at + LEARNING_S
            if at >= self._learns_until:
                self._learned = True
                self._budget.begin(at)
        if at - self._rated_at >= 1.0 and self._begun and self._remake:
            due, share, last = 0.0, self._answer_share, self._line_size - 1
            for begun in self._begun:
                now = share[min(last, int((at - begun[0]) / FINE_S))]
                due += begun[1] * (now - begun[2])
                begun[2] = now
            while self._begun and at - self._begun[0][0] > self._settings.ring_s + 2:
                self._begun.popleft()
            self._rate.update(self._live_ends, due - self._live_ends, at)
            self._live_ends = 0
            self._rated_at = at
        count = self._talk.count + self._wrap.count + self._answer.count
        if count >= self._remake:
            self._remake = count + 1 + min(count // 20, 40)
            self._make_tables()
        elif abs(self._rate.mean / self._rate_used - 1.0) > 0.01:
            self._make_lines()

    def _make_tables(self) -> None:
        staffed = self._staffed
        cap = self._settings.cap_of_heard
        day = 7 * 3600 * staffed / (self._talk.mean + self._wrap.mean) + 1
        self._budget.share = cap - min(RESERVE_MOST * cap, RESERVE / day)
        answer, grace = self._answer, self._settings.grace_s
        self._ahead = [max(FINE_S, answer.quantile(share)) for share in QUANTILES]
        free = [ahead + grace for ahead in self._ahead]
        self._wrap_size = min(400, int(self._wrap.longest / FINE_S) + 2)
        self._wrap_table = [Chances(t) for t in ends_within(self._wrap, free, FINE_S, self._wrap_size)]
        wraps = [self._wrap.quantile(share) for share in (0.1, 0.3, 0.5, 0.7, 0.9)]
        self._talk_size = min(600, int(self._talk.longest / COARSE_S) + 2)
        self._talk_table: list[Chances] = []
        for ahead in free:
            parts = [ahead - wrap for wrap in wraps if wrap < ahead]
            if not parts:
                self._talk_table.append(Chances([0.0]))
                continue
            tables = ends_within(self._talk, parts, COARSE_S, self._talk_size)
            self._talk_table.append(Chances([sum(column) / len(wraps) for column in zip(*tables, strict=True)]))
        self._line_size = int(self._settings.ring_s / FINE_S) + 4
        size = self._line_size + math.ceil(max(self._ahead) / FINE_S) + 2
        self._answer_share = answer.shares(FINE_S, size)
        self._other_share = self._other.shares(FINE_S, size)
        self._make_lines()

    def _make_lines(self) -> None:
        """The chance that a line that rang so long is answered within each time ahead: it is one that will be, or one
        that will not, and the longer it rings the likelier the latter."""
        rate, answer, other = self._rate.mean, self._answer_share, self._other_share
        self._rate_used = rate
        size = self._line_size
        still = [
            rate * (1 - a) + (1 - rate) * max(0.02, 1 - o) + 1e-9 for a, o in zip(answer[:size], other, strict=False)
        ]
        self._line_table: list[Chances] = []
        for ahead in self._ahead:
            steps = max(1, round(ahead / FINE_S))
            later = answer[steps : steps + size]
            self._line_table.append(
                Chances([rate * (b - a) / s for a, b, s in zip(answer, later, still, strict=False)])
            )

    def _why(self, threshold: float, mode: Mode) -> PacingInputs:
        busy, rate, budget = len(self._talking) + len(self._wrapping), self._rate, self._budget
        counts = len(self._idle), busy, len(self._lines), len(self._waiting)
        return PacingInputs(*counts, rate.mean, rate.spread, budget.live, budget.abandoned, threshold, mode)

    def past(self) -> Past:
        """What to give to the next one."""
        return Past(
            tuple((bucket.age_s, bucket.live, bucket.abandoned) for bucket in self._budget.buckets(self._at)),
            self._talk.seen(),
            self._wrap.seen(),
            self._answer.seen(),
            self._other.seen(),
            self._rate.weights(),
            self._steering.log_threshold,
        )


def _rings(ring_s: float, answers: Sequence[float], others: Sequence[float]) -> tuple[Durations, Durations]:
    """How long lines ring that a person answers, and others."""
    guess = [ring_s * share for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8)]
    return Durations(guess, 200, answers), Durations([ring_s] * 8, 200, others)
