"""A carrier that does nothing by itself: a test says what happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from callfloor.telephony.carrier import (
    AgentId,
    CallId,
    CarrierEvent,
    CarrierStanding,
    Line,
    Listening,
    LiveCall,
    Offer,
    PartyId,
)


class AnyCarrier:
    """`placed`: calls that we dialled or accepted, in order. `joining`: whom we rang for them. `recording_part`: what
    is recorded of a call, or will be when somebody joins."""

    def __init__(self) -> None:
        self.say: Callable[[CarrierEvent], None] = lambda _: None
        self.placed: list[CallId] = []
        self.joining: list[tuple[CallId, PartyId]] = []
        self.hung_up: list[CallId] = []
        self.refused: list[Offer] = []
        self.played: list[tuple[CallId, str]] = []
        self.messages: list[tuple[CallId, int]] = []
        self.held: dict[CallId, bool] = {}
        self.muted: dict[tuple[CallId, PartyId], bool] = {}
        self.left: list[tuple[CallId, PartyId]] = []
        self.recording_part: dict[CallId, int | None] = {}
        self.recording_paused: dict[CallId, bool] = {}

    def listen(self, listener: Callable[[CarrierEvent], None]) -> None:
        self.say = listener

    def originate(self, line: Line) -> None:
        assert line.call not in self.placed, "an attempt is placed once"
        self.placed.append(line.call)

    def accept(self, offer: Offer, call: CallId) -> None:
        assert call not in self.placed, "a call has one id"
        self.placed.append(call)

    def refuse(self, offer: Offer) -> None:
        self.refused.append(offer)

    def hang_up(self, call: CallId) -> None:
        self.hung_up.append(call)

    def join(self, call: CallId, agent: AgentId) -> None:
        self.joining.append((call, agent))

    def call_out(self, call: CallId, party: PartyId, number: str, caller: str | None, ring_s: float) -> None:
        self.joining.append((call, party))

    def leave(self, call: CallId, party: PartyId) -> None:
        self.left.append((call, party))

    def listen_in(self, call: CallId, agent: AgentId, supervisor: AgentId, how: Listening) -> None:
        pass

    def stop_listening(self, call: CallId, supervisor: AgentId) -> None:
        pass

    def play(self, call: CallId, message: str) -> None:
        self.played.append((call, message))

    def stop_playing(self, call: CallId) -> None:
        pass

    def hold(self, call: CallId, on: bool) -> None:
        self.held[call] = on

    def mute(self, call: CallId, party: PartyId, on: bool) -> None:
        self.muted[call, party] = on

    def send_digits(self, call: CallId, digits: str) -> None:
        pass

    def record(self, call: CallId, part: int) -> None:
        self.recording_part[call] = part
        self.recording_paused[call] = False

    def stop_recording(self, call: CallId) -> None:
        self.recording_part[call] = None

    def pause_recording(self, call: CallId, on: bool) -> None:
        self.recording_paused[call] = on

    def record_message(self, call: CallId, part: int, longest_s: float) -> None:
        self.messages.append((call, part))

    def standing(self) -> CarrierStanding:
        return CarrierStanding(())

    async def calls(self) -> list[LiveCall]:
        return []

    async def recording(self, call: CallId, part: int = 0) -> AsyncIterator[bytes]:
        for piece in ():
            yield piece

    async def forget_recording(self, call: CallId, part: int = 0) -> None:
        pass
