"""What SIPp plays: one scenario for all customers and one for all agents.

The number that is dialled says how the customer behaves, so that a test chooses by calling. Numbers are of the ranges
kept for fiction; their last digits choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from callfloor.telephony.sip_caller import OK, SDP, play

# Every final answer whose cause the driver must know.
# fmt: off
REFUSALS = (
    302, 400, 401, 402, 403, 404, 405, 406, 407, 408, 410, 413, 415, 420, 480, 481, 482, 483, 484, 485, 486, 487, 488,
    491, 500, 501, 502, 503, 504, 505, 600, 603, 604, 606, 607, 608,
)
# fmt: on
RINGS_MS = 800
EARLY_MS = 300
LEAVES_MS = 1_500
TALKS_MS = 6_000
TALKS_LONG_MS = 20_000

Sound = Literal["customer", "human", "machine", "agent"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """`digits`: the end of the number, as a regular expression. `rings_ms` None: to the end. `leaves_ms`: hangs up so
    long after answering. `sound` None: not a packet. `listens`: what it hears goes to the testbed's `Ear`."""

    name: str
    digits: str
    sound: Sound | None = "customer"
    rings_ms: int | None = 0
    leaves_ms: int | None = None
    refuses: int | None = None
    answers_nothing: bool = False
    loses_bye: bool = False
    listens: bool = False


ANSWERS = Behaviour("answers", "50")
SILENT = Behaviour("silent", "51", sound=None)
RINGS = Behaviour("rings", "52", rings_ms=RINGS_MS)
LEAVES = Behaviour("leaves", "53", leaves_ms=LEAVES_MS)
LEAVES_EARLY = Behaviour("leaves-early", "54", leaves_ms=EARLY_MS)
HUMAN = Behaviour("human", "55", sound="human")
MACHINE = Behaviour("machine", "56", sound="machine")
LISTENS = Behaviour("listens", "57", listens=True)
TALKS = Behaviour("talks", "58", sound="human", rings_ms=RINGS_MS, leaves_ms=TALKS_LONG_MS)
RINGS_OUT = Behaviour("rings-out", "60", rings_ms=None)
ABSENT = Behaviour("absent", "61", answers_nothing=True)
LOSES_BYE = Behaviour("loses-bye", "62", leaves_ms=LEAVES_MS, loses_bye=True)
BUSY = Behaviour("busy", "7[0-4]", refuses=486)
INVALID = Behaviour("invalid", "7[5-9]", refuses=404)
MACHINES = Behaviour("machines", "8.", sound="machine", rings_ms=RINGS_MS)
# Whoever else is called is a person: the demo's customers.
PERSON = Behaviour("person", "..", sound="human", rings_ms=RINGS_MS, leaves_ms=TALKS_MS)
REFUSING = tuple(Behaviour(f"refuses-{code}", f"9{code}", refuses=code) for code in REFUSALS)
CUSTOMERS = (
    ANSWERS, SILENT, RINGS, LEAVES, LEAVES_EARLY, HUMAN, MACHINE, LISTENS, TALKS, RINGS_OUT, ABSENT, LOSES_BYE,
    *REFUSING, BUSY, INVALID, MACHINES, PERSON,
)  # fmt: skip

AGENT_AWAY = Behaviour("away", "9000001", rings_ms=None)
AGENT_BUSY = Behaviour("busy", "9000002", refuses=486)
AGENT_LEAVES = Behaviour("leaves", "9000003", sound="agent", leaves_ms=LEAVES_MS)
# Their telephones are no way to customers, as a trunk that is out of order.
NO_TRUNK = Behaviour("no-trunk", "6125550[0-9][0-9][0-9][0-9]", refuses=503)
AGENT = Behaviour("agent", ".*", sound="agent")
AGENTS = (AGENT_AWAY, AGENT_BUSY, AGENT_LEAVES, NO_TRUNK, AGENT)


def number(behaviour: Behaviour, one: int = 0) -> str:
    """A number that behaves so. `one`: another number for another call."""
    end = behaviour.digits.replace(".", "0").replace("[0-4]", "0").replace("[5-9]", "5")
    free = 4 - len(end)
    # whoever has a 9 in front of three more digits refuses
    return f"+6125550{str(one % (9 * 10 ** (free - 1))).zfill(free) if free > 0 else ''}{end}"


def party(behaviours: tuple[Behaviour, ...], sounds: Path) -> str:
    """A scenario that answers calls; the behaviours are looked for in this order."""
    chosen, other = behaviours[:-1], behaviours[-1]
    searches = "".join(_search(each.digits, f"is{number}") for number, each in enumerate(chosen))
    searches += _search("9[3-6][0-9][0-9]", "code")
    # a branch that is passed costs a millisecond, so refusals by code have theirs to themselves
    branches, codes = '<nop next="codes" test="code"/>\n', ""
    for at, each in enumerate(chosen):
        branch = f'<nop next="{each.name}" test="is{at}"/>\n'
        if each.refuses is not None and each.digits == f"9{each.refuses}":
            codes += branch
        else:
            branches += branch
    branches += f'<nop next="{other.name}"/>\n<label id="codes"/>\n{codes}<nop next="{other.name}"/>\n'
    parts = "".join(_part(each, sounds) for each in (other, *chosen))
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="party">
<recv request="INVITE">
  <action>
    <ereg regexp=".*" search_in="hdr" header="From:" assign_to="from"/>
    <ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
    <ereg regexp="sip:[^>]*" search_in="hdr" header="Contact:" assign_to="contact"/>
{searches}  </action>
</recv>
{branches}{parts}{_ENDS}<Reference variables="from,to,contact,key"/>
</scenario>
"""


def _search(digits: str, name: str) -> str:
    return f'    <ereg regexp="^INVITE sip:[+0-9]*{digits}@" search_in="msg" assign_to="{name}"/>\n'


_HEADERS = "[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]S[call_number]\n[last_Call-ID:]\n"
_CONTACT = "Contact: <sip:[local_ip]:[local_port]>\n"
# SIPp talks from a port of its own all the same, which it takes where it reads this word.
_SDP_OF_EAR = SDP.replace("m=audio [rtpstream_audio_port]", "m=audio [ear]") + "a=from:[rtpstream_audio_port]\n"
_EMPTY = "Content-Length: 0\n\n"
_SEND_BYE = """\
<send retrans="500"><![CDATA[
BYE [$contact] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$to];tag=[pid]S[call_number]
To:[$from]
[last_Call-ID:]
CSeq: 1 BYE
Max-Forwards: 70
Reason: Q.850;cause=16
Content-Length: 0

]]></send>
<recv response="200" next="over"/>
"""


def _answer(code: str, *, cseq: str = "[last_CSeq:]", retransmitted: bool = False, body: str = _EMPTY) -> str:
    again = ' retrans="500"' if retransmitted else ""
    return f"<send{again}><![CDATA[\nSIP/2.0 {code}\n{_HEADERS}{cseq}\n{_CONTACT}{body}]]></send>\n"


# Where every call comes to: the other side ended it, or cancelled it, or we end it.
_ENDS = f"""\
<label id="bye"/>
{OK}<nop next="over"/>
<label id="leave"/>
{_SEND_BYE}<label id="cancelled"/>
{OK}{_answer("487 Request Terminated", cseq="CSeq: [cseq] INVITE", retransmitted=True)}<recv request="ACK"/>
<label id="over"/>
<nop/>
"""


def _part(behaviour: Behaviour, sounds: Path) -> str:
    name = behaviour.name
    start = f'<label id="{name}"/>\n'
    if behaviour.answers_nothing:
        # not a word: the other side repeats itself until it gives up
        return start + '<recv request="BYE"/>\n'
    if behaviour.refuses is not None:
        refusal = _answer(f"{behaviour.refuses} Refused", retransmitted=True)
        return f'{start}{refusal}<recv request="ACK" next="over"/>\n'
    ringing = _answer("180 Ringing") if behaviour.rings_ms != 0 else ""
    if behaviour.rings_ms is None:
        return f'{start}{ringing}<recv request="CANCEL" next="cancelled"/>\n'
    if behaviour.rings_ms:
        ringing += (
            f'<recv request="CANCEL" timeout="{behaviour.rings_ms}" ontimeout="{name}-answers" next="cancelled"/>\n'
            f'<label id="{name}-answers"/>\n'
        )
    sound = _SDP_OF_EAR if behaviour.listens else SDP
    answer = _answer("200 OK", retransmitted=True, body=sound, cseq="CSeq: [cseq] INVITE") + '<recv request="ACK"/>\n'
    talk = "" if behaviour.sound is None else play(sounds / f"{behaviour.sound}.ulaw")
    wait = ""
    if behaviour.leaves_ms is not None:
        leave = "over" if behaviour.loses_bye else "leave"
        wait = f' timeout="{behaviour.leaves_ms}" ontimeout="{leave}"'
    end = f"""\
<label id="{name}-talks"/>
<recv request="INFO" optional="true" next="{name}-pressed"{wait}>
  <action>
    <ereg regexp="Signal= *[0-9*#]" search_in="msg" assign_to="key"/>
    <log message="[$key]"/>
  </action>
</recv>
<recv request="BYE" next="bye"/>
<label id="{name}-pressed"/>
{OK}<nop next="{name}-talks"/>
"""
    return start + ringing + answer + talk + end
