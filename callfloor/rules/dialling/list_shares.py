"""Whose turn it is: lists share a campaign's calls by weight."""

from __future__ import annotations

from collections.abc import Collection, Mapping


class FairShare:
    """Lists by weight, fairly over time (stride scheduling, Waldspurger and Weihl 1995).

    Each turn moves a list on by 1 ÷ its weight; whoever is least far on is next. A list that had nothing to dial gets
    no credit for the time: when it is back it begins where the others are.
    """

    def __init__(self) -> None:
        self._at: dict[int, float] = {}
        self._now = 0.0

    def pick(self, weights: Mapping[int, int], empty: Collection[int] = ()) -> int | None:
        """The list whose turn it is, which has then had it. `weights` by list; of those none in `empty` and none of
        weight 0 is picked. None: there is no other."""
        open_ = [each for each, weight in weights.items() if weight > 0 and each not in empty]
        if not open_:
            return None
        chosen = min(open_, key=lambda each: (max(self._at.get(each, 0.0), self._now), each))
        self._now = max(self._at.get(chosen, 0.0), self._now)
        self._at[chosen] = self._now + 1 / weights[chosen]
        return chosen
