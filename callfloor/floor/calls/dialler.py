"""How many calls a campaign places now, by its mode: one an idle agent, or as many as pacing allows."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from callfloor.clock import Clock
from callfloor.floor.plan import CampaignPlan
from callfloor.rules.dialling.pacing import Pacer, PacingSettings, Past
from callfloor.rules.routing.calls import CallInput
from callfloor.telephony.carrier import AgentId, CallId

# Calls that are placed in a second at most: trunks refuse more, and agents who all become ready at once need no flood.
CALLS_PER_S = 50.0
# With no lead to dial, look again after so long: leads are uploaded at any time.
LOOK_AGAIN_S = 2.0
# So many calls in a row that the trunk refused: it is down, and each further one would cost a lead an attempt.
TRUNK_DOWN_AFTER = 10
TRUNK_REST_S = (1.0, 60.0)

# Makes the pacing of a predictive campaign, out of its settings and what an earlier one learned.
MakePacer = Callable[[PacingSettings, Past | None], Pacer]


class Dialler:
    """One campaign's. It decides; the floor acts."""

    def __init__(
        self, plan: CampaignPlan, clock: Clock, past: Past | None = None, make_pacer: MakePacer = Pacer
    ) -> None:
        self.plan = plan
        self._clock = clock
        # it hears of everything in every mode, so that a campaign that becomes predictive has a past
        self.pacer = make_pacer(plan.pacing, past)
        # lines that nobody has answered yet
        self.lines: set[CallId] = set()
        # people who wait for an agent, the first to answer first
        self.waiting: dict[CallId, None] = {}
        self.claiming = False
        # another engine leads the campaign
        self.dropped = False
        self._rest_until = 0.0
        self._exhausted_until = 0.0
        self._refused = 0
        self._allowed = CALLS_PER_S
        self._allowed_at = clock.elapsed()

    def configure(self, plan: CampaignPlan) -> None:
        """Dial otherwise from now on, with what was learned and spent, and with the lines that ring."""
        self.plan = plan
        self.pacer.change(plan.pacing)

    @property
    def wants_agents(self) -> bool:
        """Whether it has leads to dial, as far as it knows."""
        return self.plan.active and self._clock.elapsed() >= self._exhausted_until

    def wanted(self) -> tuple[int, tuple[CallId, ...], msgspec.Struct | None]:
        """Lines to dial now, lines to let go, and why."""
        now = self._clock.elapsed()
        most = self._most(now)
        if not most and not self.lines:
            return 0, (), None
        why: msgspec.Struct | None = None
        if self.plan.mode != "predictive":
            count, cancel = self.one_each()
        else:
            decision = self.pacer.decide(now, most)
            count, cancel, why = decision.lines, decision.cancel, decision.why
        count = max(0, min(count, most))
        self._allowed -= count
        return count, cancel, why

    def one_each(self) -> tuple[int, tuple[CallId, ...]]:
        """How many idle agents may have a call of their own, and lines without one to let go, which an earlier mode
        has left."""
        return self.pacer.one_each(self._clock.elapsed())

    def _most(self, now: float) -> int:
        """How many calls can be placed now."""
        self._allowed = min(CALLS_PER_S, self._allowed + (now - self._allowed_at) * CALLS_PER_S)
        self._allowed_at = now
        if not self.plan.active or self.claiming or now < self._rest_until or now < self._exhausted_until:
            return 0
        most = int(self._allowed)
        if self.plan.max_lines is not None:
            most = min(most, self.plan.max_lines - len(self.lines))
        if self._refused >= TRUNK_DOWN_AFTER:
            # one call finds out whether the trunk is back
            most = min(most, 1 - len(self.lines))
        return max(0, most)

    def claimed(self, asked: int, got: int) -> None:
        """A claim came back."""
        self.claiming = False
        if got < asked:
            self._exhausted_until = self._clock.elapsed() + LOOK_AGAIN_S

    def refused(self) -> None:
        """The trunk did not take a call."""
        self._refused += 1
        if self._refused >= TRUNK_DOWN_AFTER:
            shortest, longest = TRUNK_REST_S
            rest = min(longest, shortest * 2 ** min(10, self._refused - TRUNK_DOWN_AFTER))
            self._rest_until = self._clock.elapsed() + rest

    def accepted(self) -> None:
        """The trunk took a call."""
        self._refused = 0

    def heard(self, call: CallId, happened: CallInput, agent: AgentId | None, *, bound: bool) -> None:
        """Let pacing know what happened to a line; `agent`: who joins it; `bound`: it is there for that one alone."""
        pacer, now = self.pacer, self._clock.elapsed()
        if bound:
            if happened is CallInput.ANSWERED:
                pacer.reached(now)
            elif happened is CallInput.GRACE_OVER:
                pacer.lost(now)
            return
        match happened:
            case CallInput.RINGING:
                pacer.dialled(call, now)
            case CallInput.ANSWERED:
                pacer.answered(call, now)
            case CallInput.ASSIGNED:
                pacer.joining(call, now)
            case CallInput.AGENT_MISSED:
                pacer.missed(call, now)
            case CallInput.JOINED if agent is not None:
                pacer.joined(call, agent, now)
            case CallInput.GRACE_OVER:
                pacer.abandoned(call, now)
            case CallInput.ENDED:
                pacer.ended_unanswered(call, now)
            case _:
                pass
