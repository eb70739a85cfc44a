"""Commands: what an agent, or a supervisor, asks of the floor, and its answer."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import msgspec
from msgspec.structs import replace

from callfloor.api.audits import unaudited
from callfloor.api.call import ENCODE, Call, invalid, unknown_id
from callfloor.api.operation import idempotency_key, operation
from callfloor.api.workspace.examples import SESSION
from callfloor.api.workspace.feed import heard, outcome
from callfloor.api.workspace.people import OWN, agent_of, session_of
from callfloor.api.workspace.session import make_ready, pause
from callfloor.contract.codes import LEAD_STATUS_NAMES
from callfloor.contract.leads import LARGEST_LEAD_DATA
from callfloor.contract.workspace import (
    AgentCommand,
    AnyCommand,
    ChooseLead,
    Consult,
    Dial,
    DoNotCall,
    Pause,
    Ready,
    Session,
    SignOut,
    Target,
    Transfer,
    WrapUp,
)
from callfloor.errors import AgentPhoneUnreachable, CommandRefused, NoFloor, OutcomeUnknown, Problem, Unavailable
from callfloor.rules.dialling.callbacks import is_over
from callfloor.rules.values.phones import PhoneError, normalise
from callfloor.store.agents import agents, desk_commands, desk_options, drafts
from callfloor.store.agents.desk_commands import Outcome
from callfloor.store.db.idempotency import keyed_hash
from callfloor.store.leads import leads
from callfloor.store.privacy import do_not_call_on_calls
from callfloor.store.privacy.do_not_call import Asked

# An engine claims a command within so long, or none is there; and has answered after so long, or has died.
CLAIMED_S = 3.0
DONE_S = 8.0
_RETRY = {"Retry-After": "1"}
OBEYED: tuple[type[Problem], ...] = (CommandRefused, NoFloor, OutcomeUnknown)


@operation(
    "POST",
    "/session/commands",
    scope="workspace",
    summary="Command",
    tag="session",
    example=SESSION,
    request={"action": "consult", "to": {"agentId": 1003}},
    problems=[*OWN, *OBEYED, AgentPhoneUnreachable],
    apart=True,
    audits=unaudited("what an agent does at its own desk stands in its times and its calls"),
)
async def send_command(call: Call, body: AgentCommand) -> Session:
    """Do something with the call, preview, e-mail or wrap-up at hand. The answer is the session after it.

    What cannot be done is a 409 whose `code` says why. A 503 `no-floor` changed nothing and will not; after a 503
    `outcome-unknown` look at the session. With an Idempotency-Key a repeated request never does it twice.
    """
    agent_id, warning = agent_of(call.caller), await _warning(call, body)
    match body:
        case Ready():
            await make_ready(call, agent_id)
        case Pause():
            await pause(call, agent_id, body.reason)
        case SignOut():
            await agents.sign_out(call.db, call.organisation, agent_id, call.now)
        case DoNotCall():
            await _block(call, agent_id, body)
        case _:
            at_hand = (await session_of(call, agent_id)).call if isinstance(body, WrapUp) else None
            await obey(call, agent_id, agent_id, await checked(call, agent_id, body))
            if at_hand is not None:
                await drafts.forget(call.db, call.organisation, agent_id, at_hand.activity_id)
    return replace(await session_of(call, agent_id), warning=warning)


async def _block(call: Call, agent_id: int, command: DoNotCall) -> None:
    """Of the call that the agent is on or wraps up. The floor need not know: it asks the list before each call."""
    at_hand = (await session_of(call, agent_id)).call
    if at_hand is None:
        raise CommandRefused("no-call", "You have no call, and none to wrap up: whose number is it?")
    who = Asked("desk", agent_id, at_hand.activity_id, command.reason, call.now)
    if not await do_not_call_on_calls.ask_on_call(call.db, call.organisation, at_hand.activity_id, who, call.now):
        raise CommandRefused("refused-number", "The number of this call is not known: there is nothing to block.")


async def obey(call: Call, agent_id: int, actor_id: int, command: AnyCommand, campaign: int | None = None) -> None:
    """Have the agent's engine do it, or the one that leads `campaign`. Raises `CommandRefused`,
    `NoFloor`, `OutcomeUnknown`."""
    key = idempotency_key(call)
    secret, path = call.caller.organisation.hash_key, call.path.encode()
    who = str(actor_id).encode()
    key_hash = keyed_hash(secret, b"command", who, path, key, ENCODE(command)) if key else None
    within = timedelta(seconds=CLAIMED_S)
    async with call.db.transaction():
        # what is asked for is recorded with it, whatever becomes of it
        await call.audit.write()
        command_id = await desk_commands.ask(
            call.db, call.organisation, agent_id, actor_id, command, key_hash=key_hash, within=within, campaign=campaign
        )
    refusal = (await _outcome(call, command_id)).refusal
    if refusal is not None or key_hash is None:
        # with a key it stays for a while, so that the same request finds it done
        await desk_commands.forget(call.db, call.organisation, command_id)
    if refusal is not None:
        raise CommandRefused(refusal.code, refusal.detail, refusal.next_timestamp)


async def _outcome(call: Call, command_id: int) -> Outcome:
    """Wait until an engine has done the command; take it back when none is there."""
    now = asyncio.get_running_loop().time
    asked, found = now(), Outcome(claimed=False, done=False, refusal=None)
    with call.services.feed.watch(outcome(call.organisation, command_id)) as event:
        while True:
            event.clear()
            try:
                found = await _look(call, command_id, late=now() >= asked + CLAIMED_S)
            except Unavailable as away:
                if isinstance(away, NoFloor):
                    raise
                # the database is away: it may be back in time
            if found.done:
                return found
            left = asked + (DONE_S if found.claimed or now() >= asked + CLAIMED_S else CLAIMED_S) - now()
            if left <= 0:
                raise OutcomeUnknown(
                    "The floor took the command and did not answer; look at the session.", headers=_RETRY
                )
            await heard(event, min(left, 1.0))


async def _look(call: Call, command_id: int, *, late: bool) -> Outcome:
    """What became of the command so far. `late`: it is withdrawn when nobody has it."""
    found = await desk_commands.outcome(call.db, call.organisation, command_id)
    if found is not None and late and not found.claimed:
        if not await desk_commands.withdraw(call.db, call.organisation, command_id):
            return await _look(call, command_id, late=False)
        found = None
    if found is None:
        detail = "No engine has this agent now; the command was withdrawn."
        raise NoFloor(detail, headers=_RETRY)
    return found


async def _warning(call: Call, command: AgentCommand) -> str | None:
    """What the sender of a command that is obeyed may not expect."""
    match command:
        case Transfer(to=Target(campaign_id=int(campaign_id))):
            queue = await desk_options.queue(call.db, call.organisation, campaign_id)
            if queue is None or queue["working"]:
                return None
            nobody = "Nobody is signed in" if not queue["signed_in"] else "Everybody who is signed in is paused"
            return f"{nobody} to take calls of {queue['name']}: the customer waits there until somebody is ready."
        case Transfer(to=Target(agent_id=int(agent_id))):
            state = await agents.state(call.db, call.organisation, agent_id)
            if state == "ready":
                return None
            return f"The agent is {state}: the customer waits for that one, and comes back if it takes too long."
        case _:
            return None


# What is asked


async def checked(call: Call, agent_id: int, command: AgentCommand) -> AgentCommand:
    """The command with numbers and times as the floor takes them. Raises `Invalid`."""
    match command:
        case Transfer() | Consult():
            to = _target(call, command.to, queues=isinstance(command, Transfer))
            await _known(call, ("to/agentId", "agent", to.agent_id), ("to/campaignId", "campaign", to.campaign_id))
            return replace(command, to=to)
        case Dial():
            await _known(call, ("campaignId", "campaign", command.campaign_id), ("leadId", "lead", command.lead_id))
            return replace(command, number=_number(call, command.number, "number"))
        case ChooseLead():
            await _known(call, ("leadId", "lead", command.lead_id))
            return command
        case WrapUp():
            return await _checked_wrap_up(call, agent_id, command)
        case _:
            return command


async def _known(call: Call, *named: tuple[str, desk_options.Kind, int | None]) -> None:
    """Raise `Invalid` for the first field whose id names nothing of the organisation. Whether it will do is for the
    floor to say."""
    for name, kind, number in named:
        if number is not None and not await desk_options.exists(call.db, call.organisation, kind, number):
            raise unknown_id(name, kind)


def _target(call: Call, target: Target, *, queues: bool) -> Target:
    given = [each for each in (target.agent_id, target.campaign_id, target.number) if each is not None]
    names = "agentId, campaignId or number" if queues else "agentId or number"
    if len(given) != 1 or (target.campaign_id is not None and not queues):
        raise invalid("to", "target", f"must have exactly one of {names}")
    return target if target.number is None else Target(number=_number(call, target.number, "to/number"))


def _number(call: Call, text: str, name: str) -> str:
    organisation = call.caller.organisation
    try:
        return normalise(text, organisation.country, organisation.new_number_ranges)
    except PhoneError as error:
        raise invalid(name, error.code, str(error)) from error


async def _checked_wrap_up(call: Call, agent_id: int, command: WrapUp) -> WrapUp:
    if command.lead_data is not None and len(msgspec.json.encode(command.lead_data)) > LARGEST_LEAD_DATA:
        raise invalid("leadData", "too-large", "has more than 64 KiB")
    status = command.lead_status
    known = status is None or status in LEAD_STATUS_NAMES
    if status is not None and not known and not await leads.status_exists(call.db, call.organisation, status):
        message = "is neither a standard lead status nor one of the organisation's"
        raise invalid("leadStatus", "unknown-status", message)
    if command.wrap_code is not None:
        session = await session_of(call, agent_id)
        at_hand = session.call or session.email
        if at_hand is not None and not await desk_options.wrap_code_exists(
            call.db, call.organisation, at_hand.campaign_id, command.wrap_code
        ):
            raise invalid("wrapCode", "unknown-wrap-code", "is not one of the campaign's")
    callback = command.callback
    at = None if callback is None else call.timestamp(callback.timestamp, "callback/timestamp", in_body=True)
    if callback is None or at is None:
        return command
    if is_over(at, call.now):
        message = "lies in the past: a callback has a time to come"
        raise invalid("callback/timestamp", "past", message)
    return replace(command, callback=replace(callback, timestamp=at.isoformat()))
