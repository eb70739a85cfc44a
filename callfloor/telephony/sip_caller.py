"""A caller whom SIPp plays: a SIP call with keys and an end, for testers of real telephony."""

from __future__ import annotations

from pathlib import Path

from callfloor.rules.workflow.caller_script import CallerScript

# The parts that scenarios of the testbed have too.
SDP = """\
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 0
a=rtpmap:0 PCMU/8000
a=ptime:20
"""
OK = """\
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
"""
_LEAST_MS = 1


def play(sound: Path) -> str:
    """Play a raw µ-law file over and over."""
    return f'<nop><action><exec rtp_stream="{sound},-1,0"/></action></nop>\n'


def tone() -> bytes:
    """Two seconds of about 440 Hz (raw µ-law, 8 kHz): what a caller says."""
    wave = b"\x9e" * 9 + b"\x1e" * 9
    return wave * (16_000 // len(wave))


def _headers(called: str, request: str, number: int) -> str:
    there = "" if request == "INVITE" else "[peer_tag_param]"
    where = f"sip:{called}@[remote_ip]:[remote_port]"
    return f"""\
{request} {where if request == "INVITE" else "[next_url]"} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[caller]@[local_ip]:[local_port]>;tag=[pid]C[call_number]
To: <{where}>{there}
Call-ID: [call_id]
CSeq: {number} {request}
Max-Forwards: 70
"""


def scenario(called: str, script: CallerScript, sound: Path) -> str:
    """SIPp's scenario of one call to `called` (a user part of SIP), with the caller in its key `caller`. Keys are sent
    as INFO (application/dtmf-relay). `sound`: a raw µ-law file."""
    keys = [(at, key) for at, key in script.keys if script.hang_up_s is None or at <= script.hang_up_s]
    presses, before = "", 0.0
    for number, (at, key) in enumerate(keys, 2):
        presses += f"""\
<pause milliseconds="{round(1000 * (at - before))}"/>
<send retrans="500"><![CDATA[
{_headers(called, "INFO", number)}Content-Type: application/dtmf-relay
Content-Length: [len]

Signal={key}
Duration=160
]]></send>
<recv response="200"/>
"""
        before = at
    leaves = ""
    if script.hang_up_s is not None:
        leaves = f' timeout="{max(_LEAST_MS, round(1000 * (script.hang_up_s - before)))}" ontimeout="leave"'
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="caller">
<send retrans="500"><![CDATA[
{_headers(called, "INVITE", 1)}Contact: <sip:[caller]@[local_ip]:[local_port]>
{SDP}]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
{_headers(called, "ACK", 1)}Content-Length: 0

]]></send>
{play(sound)}{presses}<recv request="BYE"{leaves}/>
{OK}<nop next="over"/>
<label id="leave"/>
<send retrans="500"><![CDATA[
{_headers(called, "BYE", len(keys) + 2)}Content-Length: 0

]]></send>
<recv response="200"/>
<label id="over"/>
<nop/>
</scenario>
"""
