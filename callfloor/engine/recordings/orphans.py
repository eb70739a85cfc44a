"""Recordings that the carrier still has of calls that are over: an engine died before it fetched them, or the media
store or the carrier was away for too long. Whoever leads the call's campaign fetches them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from callfloor.contract.codes import ActivityStatus
from callfloor.engine.recordings.fetch import RecordingKind, Recordings, enter
from callfloor.floor.plan import CampaignKey
from callfloor.store.calls import legs, tasks
from callfloor.store.db.pool import Database
from callfloor.telephony.carrier import CallId, Carrier

# So many are looked up in one sweep.
AT_ONCE = 200

# A call, and a part of what was recorded of it.
Part = tuple[CallId, int]


class Leftovers:
    """`busy`: whether the floor knows the call, or has the part in hand. `led`: the campaigns that are ours."""

    def __init__(
        self,
        db: Database,
        carrier: Carrier,
        recordings: Recordings,
        busy: Callable[[CallId, int], bool],
        led: Collection[CampaignKey],
    ) -> None:
        self._db, self._carrier, self._recordings, self._busy, self._led = db, carrier, recordings, busy, led
        self._seen: set[Part] = set()
        self._last: Part | None = None

    async def sweep(self) -> None:
        """Fetch what was there the last time too, so that nothing is taken that is just being fetched. Raises
        `Problem`, `CarrierLostError`."""
        kept = set(await self._carrier.kept_recordings())
        live = {each.call for each in await self._carrier.calls()}
        left = sorted(each for each in kept & self._seen if each[0] not in live and not self._busy(*each))
        self._seen = kept
        # in turn, so that some that nobody here knows do not keep the others from theirs
        turn = [each for each in left if self._last is not None and each > self._last] or left
        for call, part in turn[:AT_ONCE]:
            self._last = call, part
            await self._fetch(call, part)

    async def _fetch(self, call: CallId, part: int) -> None:
        leg = await legs.recorded_leg(self._db, sorted({key.organisation for key in self._led}), call, part)
        if leg is None or leg["hang_up_at"] is None:
            return
        key = CampaignKey(leg["organisation_id"], leg["campaign_id"])
        if key not in self._led:
            return
        kind: RecordingKind = "voicemail" if leg["status_id"] == ActivityStatus.VOICEMAIL else "recording"
        stored = await self._recordings.store(key.organisation, call, part, tries=1)
        if stored is None:
            return
        activity, at = leg["activity_id"], leg["hang_up_at"]
        async with self._db.transaction():
            await enter(self._db, key.organisation, activity, kind, stored, at)
            if kind == "voicemail":
                await tasks.add(self._db, key.organisation, key.campaign, "voicemail", activity, at)
        await self._recordings.forget(call, part)
