"""The figures of reports, counted by somebody who reads every row and knows docs/figures.md only."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncpg import Record

from callfloor.store.db.pool import Database

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Counted = tuple[datetime, dict[str, Any], str, int]


def second(at: datetime) -> int:
    return (at - EPOCH) // timedelta(seconds=1)


class Books:
    """Every row of an organisation, read at one moment."""

    def __init__(self, legs: list[Record], attempts: list[Record], times: list[Record], now: datetime) -> None:
        self.legs, self.times, self.now = legs, times, now
        self.of_id = {row["activity_id"]: row for row in legs}
        self.attempts = {row["attempt_id"]: row for row in attempts}
        self.service_levels: dict[int, float] = {}
        self.conversions: list[Record] = []
        self.everything: list[Counted] = []

    @classmethod
    async def read(cls, db: Database, organisation: int, now: datetime) -> Books:
        tables = ("activities", "attempts", "agent_times")
        rows = [await db.fetch(f"SELECT * FROM {table} WHERE organisation_id = $1", organisation) for table in tables]
        books = cls(rows[0], rows[1], rows[2], now)
        levels = await db.fetch(
            "SELECT campaign_id, coalesce((queue ->> 'serviceLevelSeconds')::float8, 20) AS seconds FROM campaigns"
            " WHERE organisation_id = $1",
            organisation,
        )
        books.service_levels = {row["campaign_id"]: row["seconds"] for row in levels}
        books.conversions = await db.fetch("SELECT * FROM conversion_codes WHERE organisation_id = $1", organisation)
        books.everything = list(books.counted())
        return books

    def counted(self) -> Iterator[Counted]:
        """What is counted: when, of what, as what, how often."""
        for leg in self.legs:
            attempt = self.attempts.get(leg["attempt_id"] or 0)
            keys = {
                "campaign": leg["campaign_id"],
                "agent": leg["agent_id"],
                "list": None if attempt is None else attempt["list_id"],
                "wrapCode": (leg["campaign_id"], leg["wrap_code"]),
                "dialStatus": leg["dial_status"],
                "number": leg["own_contact"],
            }
            at = leg["created_at"]
            for name, count in self._of_leg(leg, attempt):
                yield at, keys, name, count
                if name == "handled" and self._converted(leg):
                    yield at, keys, "conversions", count
            yield from self._waited(leg, keys)
            parent = self.of_id.get(leg["parent_activity_id"] or 0)
            if self._kind(leg) in ("transfer", "outside") and parent is not None and parent["agent_id"] is not None:
                by = {"campaign": parent["campaign_id"], "agent": parent["agent_id"], "number": parent["own_contact"]}
                yield at, by, "transfers_out", 1
        for row in self.times:
            keys = {"campaign": None, "agent": row["agent_id"], "reason": row["reason"] or ""}
            if row["campaign_id"] is not None:
                keys["campaign"] = row["campaign_id"]
            first, last = second(row["began_at"]), second(row["ended_at"] or self.now)
            while first < last:
                following = min(last, first - first % 900 + 900)
                at = EPOCH + timedelta(seconds=first)
                yield at, keys, f"{row['state'].replace('-', '_')}_s", following - first
                first = following

    def _converted(self, leg: Record) -> bool:
        """Whether its wrap code was a conversion when it began."""
        return any(
            (each["campaign_id"], each["code"]) == (leg["campaign_id"], leg["wrap_code"])
            and each["since"] <= leg["created_at"]
            and (each["until"] is None or leg["created_at"] < each["until"])
            for each in self.conversions
        )

    def _kind(self, leg: Record) -> str:
        if not leg["type"].startswith("call."):
            return "email"
        return leg["leg_type"] or ("first" if leg["parent_activity_id"] is None else "transfer")

    def _of_leg(self, leg: Record, attempt: Record | None) -> Iterator[tuple[str, int]]:
        if leg["dial_status"] is not None:
            assert attempt is not None
            yield from self._of_attempt(leg, attempt)
        if leg["type"] == "call.inbound":
            joined = leg["join_queue_at"] is not None and leg["leg_type"] != "return"
            yield "received", int(leg["parent_activity_id"] is None or joined)
            names = {4: "abandoned_in_workflow", 5: "abandoned_in_queue", 10: "missed", 11: "overflowed"}
            names[6] = "voicemails"
            if leg["status_id"] in names:
                yield names[leg["status_id"]], 1
        if leg["type"].startswith("call."):
            yield "transfers_in", int(self._kind(leg) == "transfer")
            if leg["answered_at"] and leg["hang_up_at"] and leg["agent_id"]:
                yield "handled", int(leg["leg_type"] != "consult")
                whole = second(leg["hang_up_at"]) - second(leg["answered_at"])
                yield "talk_s", whole - min(whole, leg["hold_s"])
                yield "hold_s", min(whole, leg["hold_s"])
                yield "wrap_s", second(leg["wrap_up_at"] or leg["hang_up_at"]) - second(leg["hang_up_at"])
        elif leg["type"] == "email.outbound":
            yield "emails_written", 1
        else:
            yield "emails_received", int(leg["parent_activity_id"] is None)
            if leg["answered_at"]:
                yield "emails_answered", 1
                yield "email_response_s", second(leg["answered_at"]) - second(leg["created_at"])

    def _of_attempt(self, leg: Record, attempt: Record) -> Iterator[tuple[str, int]]:
        if attempt["mode"] != "manual":
            yield "attempts", 1
            yield "live_answers", int(attempt["dial_status"] in (1, 7))
            yield "abandoned", int(attempt["dial_status"] == 7)
            yield "connects", int(attempt["connect_delay_ms"] is not None)
            yield "connect_delay_ms", attempt["connect_delay_ms"] or 0
        if attempt["lead_id"] is not None:
            earlier = [
                each
                for each in self.attempts.values()
                if each["lead_id"] == attempt["lead_id"] and each["dialled_at"] < attempt["dialled_at"]
            ]
            yield "first_dialled", int(not earlier)
        promised = attempt["callback_at"]
        if promised is not None and attempt["dial_status"] not in (0, 5, 8, 9):
            over = attempt["hang_up_at"]
            if attempt["connect_delay_ms"] is not None or (over is not None and over >= promised) or over is None:
                yield "callbacks_made", 1
                yield "callbacks_kept", int(attempt["dialled_at"] <= promised + timedelta(minutes=15))

    def _waited(self, leg: Record, keys: dict[str, Any]) -> Iterator[Counted]:
        ended = leg["answered_at"] or leg["left_queue_at"] or leg["hang_up_at"]
        if leg["type"] != "call.inbound" or leg["join_queue_at"] is None or ended is None:
            return
        joined = leg["join_queue_at"]
        wait = second(ended) - second(joined)
        late = wait > self.service_levels[leg["campaign_id"]]
        for name, count in (
            ("waited", 1),
            ("waiting_s", wait),
            ("longest_wait_s", wait),
            ("in_time", int(leg["answered_at"] is not None and not late)),
            ("too_late", int(leg["status_id"] == 10 or late)),
            ("abandoned_before", int(leg["status_id"] == 5 and not late)),
            ("abandoned_after", int(leg["status_id"] == 5 and late)),
        ):
            yield joined, keys, name, count

    def sums(
        self, edges: Sequence[datetime], key: Callable[[dict[str, Any]], Any], names: Sequence[str]
    ) -> dict[tuple[int, Any], dict[str, int]]:
        """By interval and key: each of `names` that is not 0."""
        found: dict[tuple[int, Any], Counter[str]] = defaultdict(Counter)
        for at, keys, name, count in self.everything:
            if count and name in names and edges[0] <= at < edges[-1]:
                of = found[bisect_right(edges, at) - 1, key(keys)]
                of[name] = max(of[name], count) if name == "longest_wait_s" else of[name] + count
        return {place: dict(of) for place, of in found.items()}
