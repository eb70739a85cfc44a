"""How a call sounded: a mean opinion score by the E-model (ITU-T G.107) from what RTP and RTCP counted."""

from __future__ import annotations

from dataclasses import dataclass

# The rating of an undisturbed narrow-band call, with G.107's default values.
BEST_RATING = 93.2
# G.113: the equipment impairment of G.711 and its robustness against random loss, with loss concealment.
IMPAIRMENT, ROBUSTNESS = 0.0, 25.1
# From here on a delay disturbs the conversation.
DISTURBING_MS = 177.3
# A packet is 20 ms of sound; a jitter buffer keeps back about twice the jitter.
PACKET_MS, BUFFERED = 20.0, 2.0


@dataclass(frozen=True, slots=True)
class Stream:
    """One direction of a call. `jitter_ms`, `lost`: as its receiver saw it."""

    packets: int
    lost: int
    jitter_ms: float

    @property
    def loss(self) -> float:
        expected = self.packets + self.lost
        return self.lost / expected if expected else 0.0


def mean_opinion(loss: float, delay_ms: float) -> float:
    """The score, from 1 to 4.5, of a G.711 stream that loses so much (0 to 1) and takes so long one way."""
    percent = 100 * min(max(loss, 0.0), 1.0)
    disturbed = max(0.0, delay_ms - DISTURBING_MS)
    of_delay = 0.024 * delay_ms + 0.11 * disturbed
    of_equipment = IMPAIRMENT + (95 - IMPAIRMENT) * percent / (percent + ROBUSTNESS)
    rating = BEST_RATING - of_delay - of_equipment
    if rating <= 0:
        return 1.0
    # the curve dips below 1 where the rating is almost none
    return max(1.0, 1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating))


def quality(statistics: str) -> float | None:
    """The score of the worse direction, from Asterisk's `RTPAUDIOQOS`. None: no sound was exchanged, or it cannot be
    read."""
    values: dict[str, float] = {}
    for item in statistics.split(";"):
        name, _, value = item.partition("=")
        try:
            values[name] = float(value)
        except ValueError:
            continue
    # Asterisk's txjitter is what it saw come in, its rxjitter what the other side reported of ours
    received = Stream(_count(values, "rxcount"), _count(values, "lp"), 1000 * values.get("txjitter", 0.0))
    sent = Stream(_count(values, "txcount"), _count(values, "rlp"), 1000 * values.get("rxjitter", 0.0))
    heard = [stream for stream in (received, sent) if stream.packets > 0]
    if not heard:
        return None
    travel_ms = 1000 * max(0.0, values.get("rtt", 0.0)) / 2
    return round(
        min(
            mean_opinion(stream.loss, travel_ms + PACKET_MS + BUFFERED * max(0.0, stream.jitter_ms)) for stream in heard
        ),
        2,
    )


def _count(values: dict[str, float], name: str) -> int:
    value = values.get(name, 0.0)
    return int(value) if 0 <= value < 2**32 else 0
