"""The smallest configuration that the driver is tested with: one trunk, agents, ARI and a dialplan of six lines."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from testbed import certificates
from testbed.ports import Ports

USER = "callfloor"
APP = "callfloor"
BROWSER_AGENT = 7
BROWSER = f"agent-{BROWSER_AGENT}"
# How long a call without sound stays up. Nothing else ends one whose BYE was lost.
RTP_TIMEOUT_S = 3
# fmt: off
MODULES = (
    "res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb",
    "res_pjproject", "res_pjsip", "res_pjsip_session", "res_pjsip_sdp_rtp", "res_pjsip_pubsub",
    "res_pjsip_endpoint_identifier_ip", "res_pjsip_endpoint_identifier_user", "res_pjsip_registrar",
    "res_pjsip_authenticator_digest", "res_pjsip_outbound_authenticator_digest", "res_pjsip_outbound_registration",
    "res_pjsip_caller_id", "res_pjsip_diversion", "res_pjsip_dtmf_info", "res_pjsip_rfc3326", "res_pjsip_nat",
    "res_pjsip_refer", "res_pjsip_header_funcs", "res_pjsip_logger", "res_pjsip_transport_websocket",
    "res_rtp_asterisk", "res_srtp", "res_timing_timerfd", "res_musiconhold", "res_convert",
    "chan_pjsip", "chan_bridge_media",
    "bridge_simple", "bridge_native_rtp", "bridge_softmix", "bridge_holding",
    "codec_ulaw", "codec_alaw", "codec_a_mu", "codec_gsm", "codec_resample",
    "format_wav", "format_pcm", "format_gsm", "format_sln",
    "res_stasis", "res_stasis_answer", "res_stasis_device_state", "res_stasis_playback", "res_stasis_recording",
    "res_stasis_snoop",
    "res_http_websocket", "res_websocket_client",
    "res_ari", "res_ari_model", "res_ari_applications", "res_ari_asterisk", "res_ari_bridges", "res_ari_channels",
    "res_ari_device_states", "res_ari_endpoints", "res_ari_events", "res_ari_playbacks", "res_ari_recordings",
    "res_ari_sounds",
    "app_stasis", "app_amd", "app_dial", "app_playback", "app_echo", "app_verbose", "app_senddtmf",
    "pbx_config", "func_channel", "func_config", "func_callerid", "func_timeout", "func_dialplan",
)
# fmt: on
# Files that must be there, be they empty.
EMPTY = ("amd", "ccss", "cel", "features", "pjproject", "udptl", "websocket_client", "manager")

EXTENSIONS = f"""\
[incoming]
exten => _[+0-9].,1,Set(TRIES=0)
 same => n,Ringing()
 same => n(again),Stasis({APP},incoming,${{EXTEN}})
 same => n,GotoIf($["${{STASISSTATUS}}" != "FAILED" | ${{TRIES}} > 60]?over)
 same => n,Set(TRIES=$[${{TRIES}} + 1])
 same => n,Wait(0.5)
 same => n,Goto(again)
 same => n(over),Hangup()
[callfloor-agents]
exten => echo,1,Answer()
 same => n,Set(TIMEOUT(absolute)=60)
 same => n,Echo()
exten => _.,1,Hangup(21)
[callfloor-amd]
exten => s,1,AMD()
 same => n,Stasis({APP},amd,${{AMDSTATUS}},${{AMDCAUSE}})
 same => n,Hangup()
"""


@dataclass(frozen=True, slots=True)
class Node:
    """One Asterisk: where its programs are, where it writes, what it listens on, and what it is called."""

    prefix: Path
    folder: Path
    ports: Ports
    name: str
    password: str

    @property
    def etc(self) -> Path:
        return self.folder / "etc"

    @property
    def certificate(self) -> Path:
        return self.folder / "certificate.pem"

    @property
    def recordings(self) -> Path:
        return self.folder / "spool/recording"


def write(node: Node) -> None:
    """Write every file of the node's configuration."""
    for name in ("etc", "lib", "log", "run", "spool/recording"):
        (node.folder / name).mkdir(parents=True, exist_ok=True)
    node.certificate.write_bytes(certificates.made())
    ports = node.ports
    files = {
        "asterisk": _asterisk(node),
        "modules": "[modules]\nautoload=no\n" + "".join(f"load = {module}.so\n" for module in MODULES),
        "logger": "[general]\n[logfiles]\nmessages => notice,warning,error\n",
        "http": _http(node),
        # the quality of a call is told with the last event of its channel
        "ari": "[general]\nenabled=yes\nchannelvars=RTPAUDIOQOS\n"
        f"[{USER}]\ntype=user\nread_only=no\npassword={node.password}\n",
        "rtp": f"[general]\nrtpstart={ports.rtp}\nrtpend={ports.rtp_last}\nicesupport=yes\n",
        "cdr": "[general]\nenable=no\n",
        "acl": "",
        "musiconhold": f"[default]\nmode=files\ndirectory={node.folder}/music\n",
        "extensions": EXTENSIONS,
        "pjsip": _pjsip(ports) + _wss() + browser(BROWSER, node.password) + "#tryinclude phones.conf\n",
        **dict.fromkeys(EMPTY, "[general]\n"),
    }
    for name, text in files.items():
        (node.etc / f"{name}.conf").write_text(text)
    shutil.copy(node.prefix / "usr/share/asterisk/conf/samples/indications.conf.sample", node.etc / "indications.conf")


def _asterisk(node: Node) -> str:
    prefix, folder = node.prefix / "usr", node.folder
    folders = {
        "astetcdir": node.etc,
        "astmoddir": prefix / "lib/x86_64-linux-gnu/asterisk/modules",
        "astvarlibdir": folder / "lib",
        "astdbdir": folder / "lib",
        "astkeydir": folder / "lib",
        "astcachedir": folder / "lib",
        "astdatadir": prefix / "share/asterisk",
        "astagidir": prefix / "share/asterisk/agi-bin",
        "astspooldir": folder / "spool",
        "astrundir": folder / "run",
        "astlogdir": folder / "log",
        "astsbindir": prefix / "sbin",
    }
    lines = [f"{name} => {path}\n" for name, path in folders.items()]
    return f"[directories]\n{''.join(lines)}[options]\ndocumentation_language = en_US\nsystemname = {node.name}\n"


def _http(node: Node) -> str:
    return f"""\
[general]
enabled=yes
bindaddr=127.0.0.1
bindport={node.ports.http}
sessionlimit=1000
tlsenable=yes
tlsbindaddr=127.0.0.1:{node.ports.https}
tlscertfile={node.certificate}
tlsprivatekey={node.certificate}
"""


def _wss() -> str:
    """How browsers come, as docs/asterisk.md sets it up."""
    return """\
[wss]
type=transport
protocol=wss
bind=127.0.0.1
"""


def browser(name: str, password: str) -> str:
    """A phone in a browser, as docs/asterisk.md sets it up."""
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
rtp_timeout={RTP_TIMEOUT_S}
[{name}]
type=auth
username={name}
password={password}
[{name}]
type=aor
max_contacts=1
remove_existing=yes
"""


def sipp(name: str, number: int, ports: Ports) -> str:
    """An agent's phone that SIPp plays, by a name of its own."""
    return f"""\
[{name}]
type=endpoint
transport=udp
context=callfloor-agents
disallow=all
allow=ulaw,alaw
direct_media=no
rtp_timeout={RTP_TIMEOUT_S}
aors={name}
[{name}]
type=aor
contact=sip:{number}@127.0.0.1:{ports.agents}
"""


def _pjsip(ports: Ports) -> str:
    return f"""\
[global]
type=global
; a phone that signs in is known by its name, also on the machine that the trunk is on
endpoint_identifier_order=username,ip
[udp]
type=transport
protocol=udp
bind=127.0.0.1:{ports.sip}
[base](!)
type=endpoint
transport=udp
context=incoming
disallow=all
allow=ulaw,alaw
direct_media=no
dtmf_mode=auto_info
rtp_timeout={RTP_TIMEOUT_S}
[trunk](base)
aors=trunk
[trunk]
type=aor
contact=sip:127.0.0.1:{ports.customers}
[trunk]
type=identify
endpoint=trunk
; whoever calls from this machine; agents only take calls
match=127.0.0.1
[agents](base)
context=callfloor-agents
aors=agents
[agents]
type=aor
contact=sip:127.0.0.1:{ports.agents}
[agents]
type=identify
endpoint=agents
match=127.0.0.1:{ports.agents}
; no browser can use it: for `callfloor asterisk check`
[deaf-1](base)
webrtc=yes
[closed](base)
aors=closed
[closed]
type=aor
contact=sip:127.0.0.1:{ports.closed}
"""
