"""How the customers of a simulated carrier behave: who answers, after how long, and how long they talk."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal

Kind = Literal["constant", "normal", "lognormal", "exponential", "gamma"]
Outcome = Literal["live", "machine", "busy", "invalid", "failed", "no-answer"]


@dataclass(frozen=True, slots=True)
class Distribution:
    """Seconds. `mean` is that of the untruncated distribution; `cv`: standard deviation ÷ mean (lognormal, gamma);
    `sd` in seconds (normal). What falls below `least` is `least`."""

    kind: Kind
    mean: float
    sd: float = 0.0
    cv: float = 1.0
    least: float = 0.0

    def draw(self, random: Random) -> float:
        match self.kind:
            case "constant":
                value = self.mean
            case "normal":
                value = random.gauss(self.mean, self.sd)
            case "lognormal":
                variance = math.log(1 + self.cv**2)
                value = random.lognormvariate(math.log(self.mean) - variance / 2, math.sqrt(variance))
            case "exponential":
                value = random.expovariate(1 / self.mean)
            case "gamma":
                shape = 1 / self.cv**2
                value = random.gammavariate(shape, self.mean / shape)
        return max(self.least, value)

    def faster(self, times: float) -> Distribution:
        return replace(self, mean=self.mean / times, sd=self.sd / times, least=self.least / times)


STAYS = Distribution("constant", 86_400.0)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Probabilities of what a dialled number does; what is left of 1 rings out. `early_hang_up`: share of the live
    answers that hang up within two seconds. `missed`: share of the calls that an agent's phone does not take.
    `person_for_machine`, `machine_for_person`: how often detection errs, of the persons and of the machines that
    answer.

    Who called us waits for `patience_s`, and after each prompt presses one of `digits` after `digit_s`. A message that
    is left lasts for `message_s`."""

    live: float = 0.25
    machine: float = 0.0
    busy: float = 0.0
    invalid: float = 0.0
    failed: float = 0.0
    early_hang_up: float = 0.0
    missed: float = 0.0
    person_for_machine: float = 0.0
    machine_for_person: float = 0.0
    answer_s: Distribution = field(default=Distribution("normal", 12.0, sd=5.0, least=1.5))
    ring_out_s: Distribution = field(default=Distribution("constant", 28.0))
    talk_s: Distribution = field(default=Distribution("lognormal", 120.0, cv=0.8))
    patience_s: Distribution = field(default=Distribution("exponential", 180.0, least=5.0))
    digits: str = ""
    digit_s: Distribution = field(default=Distribution("normal", 2.0, sd=1.0, least=0.5))
    prompt_s: float = 5.0
    message_s: Distribution = field(default=Distribution("normal", 12.0, sd=5.0, least=2.0))

    def outcome(self, random: Random) -> Outcome:
        drawn = random.random()
        shares: tuple[tuple[Outcome, float], ...] = (
            ("live", self.live),
            ("machine", self.machine),
            ("busy", self.busy),
            ("invalid", self.invalid),
            ("failed", self.failed),
        )
        for outcome, share in shares:
            if drawn < share:
                return outcome
            drawn -= share
        return "no-answer"

    def takes_for_machine(self, machine: bool, random: Random) -> bool:
        """What detection says of who answered. Nothing is drawn where it never errs."""
        errs = self.machine_for_person if machine else self.person_for_machine
        return machine != (errs > 0 and random.random() < errs)

    def staying(self) -> Behaviour:
        """People who end nothing by themselves."""
        return replace(self, early_hang_up=0.0, patience_s=STAYS, talk_s=STAYS, message_s=STAYS)

    def faster(self, times: float) -> Behaviour:
        """The same people, who take less time for everything."""
        return replace(
            self,
            answer_s=self.answer_s.faster(times),
            ring_out_s=self.ring_out_s.faster(times),
            talk_s=self.talk_s.faster(times),
            patience_s=self.patience_s.faster(times),
            digit_s=self.digit_s.faster(times),
            prompt_s=self.prompt_s / times,
            message_s=self.message_s.faster(times),
        )
