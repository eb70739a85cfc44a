"""The lines of Asterisk's configuration that the setup check advises."""

from __future__ import annotations


def incoming(app: str) -> str:
    """The dialplan for calls that come in. They wait while the application is away, as it is for a second of its
    restart."""
    return f"""\
; extensions.conf, in the context of the trunk
[incoming]
exten => _[+0-9].,1,Set(TRIES=0)
 same => n,Ringing()
 same => n(again),Stasis({app},incoming,${{EXTEN}})
 same => n,GotoIf($["${{STASISSTATUS}}" != "FAILED" | ${{TRIES}} > 60]?over)
 same => n,Set(TRIES=$[${{TRIES}} + 1])
 same => n,Wait(0.5)
 same => n,Goto(again)
 same => n(over),Hangup()
"""


def detection(app: str, context: str) -> str:
    return f"""\
; extensions.conf
[{context}]
exten => s,1,AMD()
 same => n,Stasis({app},amd,${{AMDSTATUS}},${{AMDCAUSE}})
 same => n,Hangup()
"""


def user(name: str) -> str:
    return f"""\
; http.conf
[general]
enabled=yes
bindaddr=127.0.0.1
bindport=8088
sessionlimit=1000
; ari.conf
[general]
enabled=yes
channelvars=RTPAUDIOQOS
[{name}]
type=user
read_only=no
password=...
"""


# Where agents' phones may dial by themselves: to hear themselves. What else they call, the floor calls for them.
AGENTS = """\
; extensions.conf, of agents' phones: nobody can be called from there, and it is not the trunk's context
[callfloor-agents]
exten => echo,1,Answer()
 same => n,Set(TIMEOUT(absolute)=60)
 same => n,Echo()
exten => _.,1,Hangup(21)
"""


def endpoint(name: str, address: str, *, context: str) -> str:
    return f"""\
; pjsip.conf
[{name}]
type=endpoint
context={context}
aors={name}
disallow=all
allow=ulaw,alaw
direct_media=no
rtp_timeout=30
[{name}]
type=aor
contact={address}
qualify_frequency=30
"""


def phone(name: str, password: str) -> str:
    """An agent's phone in a browser."""
    return f"""\
[{name}]
type=endpoint
transport=wss
webrtc=yes
dtls_auto_generate_cert=yes
context=callfloor-agents
aors={name}
auth={name}
disallow=all
allow=ulaw
direct_media=no
rtp_timeout=5
[{name}]
type=auth
username={name}
password={password}
[{name}]
type=aor
max_contacts=1
remove_existing=yes
"""


TLS = """\
; http.conf, in [general]
tlsenable=yes
tlsbindaddr=0.0.0.0:8089
tlscertfile=/etc/asterisk/keys/fullchain.pem
tlsprivatekey=/etc/asterisk/keys/privkey.pem
"""


def wss(name: str) -> str:
    return f"""\
; pjsip.conf
[wss]
type=transport
protocol=wss
bind=0.0.0.0
; in the endpoint [{name}]
transport=wss
"""
