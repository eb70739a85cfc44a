"""The greatest risk that pacing takes now: steered so that the allowance of abandoned calls is spent evenly."""

from __future__ import annotations

import math

TOKENS_MOST = 5.0
TOKENS_AIM = 2.5
GAIN = 0.35
# Change of the steady part of the threshold with each live answer and each token away from the aim
DRIFT = 0.002
THRESHOLD = 0.015
LEAST, MOST = 0.0005, 0.3
# In a large team it costs little that hardly anybody waits at all, so the risk that is taken falls, from the first of
# these sizes on and entirely from the second, to where this share of the people who answer wait for longer than this.
LARGE_TEAM = (250, 450)
WAIT_SHARE = 0.008
WAIT_S = 0.1
WAIT_LEAST = 1e-7


class Risk:
    """`log_threshold`: the steady part, as an earlier one left it."""

    def __init__(self, log_threshold: float | None) -> None:
        self.log_threshold = math.log(THRESHOLD) if log_threshold is None else log_threshold
        self._wait_tokens, self._log_wait_threshold = TOKENS_AIM, math.log(LEAST)

    def answered(self, tokens: float) -> None:
        """A person answered. `tokens`: what the allowance is then."""
        self.log_threshold += DRIFT * (tokens - TOKENS_AIM)
        self.log_threshold = min(math.log(MOST), max(math.log(LEAST), self.log_threshold))
        self._wait_tokens = max(-TOKENS_MOST, min(TOKENS_MOST, self._wait_tokens + WAIT_SHARE))
        self._log_wait_threshold += DRIFT * (self._wait_tokens - TOKENS_AIM)
        self._log_wait_threshold = min(math.log(MOST), max(math.log(WAIT_LEAST), self._log_wait_threshold))

    def waited(self, seconds: float) -> None:
        """Somebody was given an agent after so long, or none at all."""
        if seconds > WAIT_S:
            self._wait_tokens -= 1.0

    def threshold(self, tokens: float, agents: int) -> float:
        """The greatest risk to take now that who answers finds no agent."""
        threshold = math.exp(self.log_threshold + GAIN * (tokens - TOKENS_AIM))
        threshold = min(MOST, max(LEAST, threshold))
        first, second = LARGE_TEAM
        weight = min(1.0, (agents - first) / (second - first))
        if weight <= 0.0:
            return threshold
        waits = max(WAIT_LEAST, math.exp(self._log_wait_threshold + GAIN * (self._wait_tokens - TOKENS_AIM)))
        return min(threshold, threshold ** (1 - weight) * waits**weight)
