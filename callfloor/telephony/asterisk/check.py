"""What an Asterisk lacks that the carrier needs, in plain words, with the lines that its configuration wants."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import msgspec

from callfloor.telephony.asterisk import advice
from callfloor.telephony.asterisk.ari import ANSWER_S, Ari, AriError, AriFailed, AriNotThere, AriRefused, AriUnreachable
from callfloor.telephony.asterisk.setup import Setup

OLDEST = 20
SKEW_S = 2.0
TRIES, AGAIN_S = 20, 0.05
# fmt: off
MODULES = (
    "chan_pjsip", "res_pjsip", "res_pjsip_session", "res_pjsip_sdp_rtp", "res_rtp_asterisk", "res_timing_timerfd",
    "bridge_simple", "bridge_softmix", "codec_ulaw", "codec_alaw", "format_wav", "format_pcm", "res_musiconhold",
    "res_stasis", "res_stasis_answer", "res_stasis_playback", "res_stasis_recording", "res_stasis_snoop",
    "res_ari_applications", "res_ari_asterisk", "res_ari_bridges", "res_ari_channels", "res_ari_endpoints",
    "res_ari_events", "res_ari_playbacks", "res_ari_recordings", "res_ari_sounds",
    "app_stasis", "app_amd", "pbx_config", "func_dialplan",
)
# fmt: on
# What phones in browsers need besides.
BROWSER_MODULES = ("res_srtp", "res_http_websocket", "res_pjsip_transport_websocket")
NO = {"no", "false", "off", "n", "f", "0"}
_ENDPOINT = re.compile(r"(?P<technology>[A-Za-z0-9]+)/(?:[^@]*@(?P<at>[^/@]+)|(?P<whole>[^/@]+))")


@dataclass(frozen=True, slots=True)
class Finding:
    """`lines`: what to add to the configuration, where it is not `good`."""

    good: bool
    text: str
    lines: str = ""


class _Module(msgspec.Struct):
    name: str
    status: str = ""


class _Attribute(msgspec.Struct):
    attribute: str
    value: str = ""


class _Endpoint(msgspec.Struct):
    resource: str
    state: str = ""


class _Ping(msgspec.Struct):
    timestamp: str


async def check(ari: Ari, setup: Setup, now: datetime) -> list[Finding]:
    """Look at one node, most important things first."""
    try:
        version = str((await ari.get("asterisk/info"))["system"]["version"])
    except AriUnreachable as error:
        return [Finding(False, f"Asterisk does not answer at {ari.node.url} ({error})", advice.user(ari.node.user))]
    except AriRefused:
        return [Finding(False, f"the user {ari.node.user} or its password is not accepted", advice.user(ari.node.user))]
    except AriNotThere:
        return [Finding(False, f"{ari.node.url} is not ARI: ari.conf does not enable it", advice.user(ari.node.user))]
    found = [_version(version)]
    looks = {
        "the clock": partial(_clock, ari, now),
        "modules": partial(_modules, ari),
        "trunks": partial(_trunks, ari, setup),
        "agents": partial(_agents, ari, setup),
        "agents' browsers": partial(_browsers, ari, setup),
        "detection": partial(_detection, ari, setup),
        "the information message": partial(_information, ari, setup),
        "recording": partial(_recording, ari, setup),
    }
    for what, look in looks.items():
        try:
            found += await look()
        except AriError as error:
            found.append(Finding(False, f"{what} could not be checked: {error}"))
    return found


def _version(version: str) -> Finding:
    number = re.match(r"(?:[0-9]+:)?([0-9]+)", version)
    if number is not None and int(number[1]) >= OLDEST:
        return Finding(True, f"Asterisk {version}")
    return Finding(False, f"Asterisk {version} is older than {OLDEST}")


async def _clock(ari: Ari, now: datetime) -> list[Finding]:
    there = msgspec.convert(await ari.get("asterisk/ping"), _Ping).timestamp
    apart = abs((datetime.fromisoformat(there) - now).total_seconds())
    if apart <= SKEW_S:
        return [Finding(True, "the clocks agree")]
    return [Finding(False, f"the clocks are {apart:.0f} s apart: let both machines keep time with NTP")]


async def _running(ari: Ari) -> set[str]:
    there = msgspec.convert(await ari.get("asterisk/modules"), list[_Module])
    return {module.name.removesuffix(".so") for module in there if module.status == "Running"}


async def _modules(ari: Ari) -> list[Finding]:
    running = await _running(ari)
    missing = [module for module in MODULES if module not in running]
    if not missing:
        return [Finding(True, f"all {len(MODULES)} modules that are needed are running")]
    hint = "; app_amd needs a file amd.conf, which may be empty\n" if "app_amd" in missing else ""
    return [Finding(False, f"not running: {', '.join(missing)}", _load(missing) + hint)]


def _load(modules: list[str]) -> str:
    return "; modules.conf\n" + "".join(f"load = {module}.so\n" for module in modules)


async def _trunks(ari: Ari, setup: Setup) -> list[Finding]:
    found: list[Finding] = []
    for trunk in setup.trunks:
        parts = _ENDPOINT.fullmatch(trunk)
        name = parts and (parts["at"] or parts["whole"])
        if parts is None or name is None or "{" in name:
            found.append(Finding(True, f"the trunk {trunk} cannot be looked up: call a number to see"))
            continue
        try:
            await ari.get(f"endpoints/{parts['technology']}/{name}")
        except AriNotThere:
            lines = advice.endpoint(name, "sip:PROVIDER-ADDRESS", context="incoming") + advice.incoming(setup.app)
            found.append(Finding(False, f"there is no endpoint {name}, the trunk", lines))
        else:
            found.append(Finding(True, f"the trunk {name} is there"))
            found += await _media(ari, name)
    return found


async def _settings(ari: Ari, kind: str, name: str) -> dict[str, str]:
    """The settings of an endpoint or a transport; none where it is not of PJSIP."""
    try:
        told = await ari.get(f"asterisk/config/dynamic/res_pjsip/{kind}/{name}")
    except AriError:
        return {}
    return {each.attribute: each.value for each in msgspec.convert(told, list[_Attribute])}


async def _media(ari: Ari, name: str) -> list[Finding]:
    """What of an endpoint's settings lets calls go wrong."""
    values = await _settings(ari, "endpoint", name)
    found: list[Finding] = []
    if values.get("rtp_timeout") == "0":
        text = f"{name} has no rtp_timeout: a call whose goodbye is lost stays up for ever"
        found.append(Finding(False, text, f"; pjsip.conf, in [{name}]\nrtp_timeout=30\n"))
    if values.get("direct_media") == "true":
        text = f"{name} has direct_media: sound would go past Asterisk, and could not be recorded"
        found.append(Finding(False, text, f"; pjsip.conf, in [{name}]\ndirect_media=no\n"))
    return found


async def _phones(ari: Ari, parts: re.Match[str]) -> list[_Endpoint]:
    start = _start(parts)
    there = msgspec.convert(await ari.get(f"endpoints/{parts['technology']}"), list[_Endpoint])
    return [each for each in there if each.resource.startswith(start)]


def _start(parts: re.Match[str]) -> str:
    """What the names of all agents' phones begin with."""
    return (parts["at"] or parts["whole"]).split("{")[0]


async def _agents(ari: Ari, setup: Setup) -> list[Finding]:
    parts = _ENDPOINT.fullmatch(setup.agent)
    if parts is None:
        return [Finding(True, f"agents' phones {setup.agent} cannot be looked up: call one to see")]
    start, phones = _start(parts), await _phones(ari, parts)
    if not phones:
        lines = advice.endpoint(f"{start}1", "sip:PHONE-ADDRESS", context="callfloor-agents") + advice.AGENTS
        return [Finding(False, f"there is no endpoint for agents: {setup.agent}, by user id", lines)]
    online = sum(each.state == "online" for each in phones)
    return [Finding(True, f"{len(phones)} endpoints for agents, {online} of them online")]


async def _browsers(ari: Ari, setup: Setup) -> list[Finding]:
    """What agents' phones with `webrtc` lack."""
    parts = _ENDPOINT.fullmatch(setup.agent)
    phones = [] if parts is None else await _phones(ari, parts)
    endpoints = {phone.resource: await _settings(ari, "endpoint", phone.resource) for phone in phones}
    transports = {
        name: values.get("transport", "")
        for name, values in endpoints.items()
        if values.get("webrtc") in {"yes", "true"}
    }
    if not transports:
        return []
    found: list[Finding] = []
    running = await _running(ari)
    if missing := [module for module in BROWSER_MODULES if module not in running]:
        found.append(
            Finding(False, f"not running, and phones in browsers need it: {', '.join(missing)}", _load(missing))
        )
    for transport in sorted(set(transports.values()) - {""}):
        if (await _settings(ari, "transport", transport)).get("protocol") != "wss":
            names = [name for name, given in transports.items() if given == transport]
            text = f"the transport {transport} is not wss, but phones in browsers have it: {', '.join(names[:5])}"
            found.append(Finding(False, text, advice.wss(names[0])))
    if "func_config" not in running:
        found.append(Finding(True, "without func_config it cannot be seen whether http.conf has TLS"))
    else:
        if await _configured(ari, setup, "http.conf", "tlsenable") in NO | {""}:
            found.append(Finding(False, "http.conf has no TLS: browsers cannot connect", advice.TLS))
        if await _configured(ari, setup, "rtp.conf", "icesupport") in NO:
            text = "rtp.conf switches ICE off: phones in browsers stay silent"
            found.append(Finding(False, text, "; rtp.conf, in [general]\nicesupport=yes\n"))
    if all(each.good for each in found):
        found.append(Finding(True, f"phones in browsers have what they need: {len(transports)} endpoints"))
    return found


async def _configured(ari: Ari, setup: Setup, file: str, key: str) -> str:
    """What a file says in [general], nothing where it does not."""
    try:
        return (await _told(ari, setup, f"AST_CONFIG({file},general,{key})")).lower()
    except AriFailed:
        return ""


@asynccontextmanager
async def _present(ari: Ari, app: str) -> AsyncGenerator[None]:
    """An application of that name is there."""
    here = asyncio.Event()

    async def connected() -> None:
        here.set()

    listening = asyncio.create_task(ari.listen(app, lambda _: None, connected, lambda: None))
    waiting = asyncio.create_task(here.wait())
    try:
        await asyncio.wait({listening, waiting}, timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        for task in (listening, waiting):
            task.cancel()
        await asyncio.wait({listening, waiting})


async def _told(ari: Ari, setup: Setup, function: str) -> str:
    """What a function of the dialplan gives. Only a channel can be asked; this one is never called."""
    name = f"callfloor-check-{uuid4().hex[:8]}"
    async with _present(ari, name):
        await ari.post("channels/create", endpoint=f"Local/s@{setup.amd_context}", app=name, channelId=name)
        try:
            return (await ari.get(f"channels/{name}/variable", variable=function))["value"]
        finally:
            await ari.delete(f"channels/{name}")


async def _detection(ari: Ari, setup: Setup) -> list[Finding]:
    if await _told(ari, setup, f"DIALPLAN_EXISTS({setup.amd_context},s,1)") == "1":
        return [Finding(True, "the dialplan can detect machines")]
    lines = advice.detection(setup.app, setup.amd_context)
    return [Finding(False, f"the dialplan has no context {setup.amd_context}: machines are not detected", lines)]


async def _information(ari: Ari, setup: Setup) -> list[Finding]:
    name = setup.information.removeprefix("sound:")
    if not setup.information.startswith("sound:") or name.startswith("/"):
        return [Finding(True, f"the information message {setup.information} cannot be looked up: call it to see")]
    try:
        await ari.get(f"sounds/{name}")
    except AriNotThere:
        text = f"there is no sound {name}: who is called and finds no agent free would hear nothing"
        return [Finding(False, text, f"; record it as {name}.wav in Asterisk's folder of sounds, 8 kHz, one channel\n")]
    return [Finding(True, "the information message is there")]


async def _recording(ari: Ari, setup: Setup) -> list[Finding]:
    """Record an empty bridge, and see what comes of it."""
    name = f"callfloor-check-{uuid4().hex[:8]}"
    await ari.post(f"bridges/{name}", type="mixing")
    try:
        await ari.post(f"bridges/{name}/record", name=name, format="wav")
        seen = await _stopped(ari, setup, name)
    except AriError as error:
        text = f"nothing can be recorded ({error}): Asterisk needs a folder spool/asterisk/recording that it may write"
        return [Finding(False, text, "mkdir -p /var/spool/asterisk/recording\n")]
    finally:
        await ari.delete(f"bridges/{name}")
    if not seen:
        return [Finding(False, f"recordings are not in {_shown(setup.recordings)}, the folder that is set")]
    return [Finding(True, "calls can be recorded")]


async def _stopped(ari: Ari, setup: Setup, name: str) -> bool:
    """End and remove the recording; whether it was where it was to be."""
    seen = setup.recordings is None
    for _ in range(TRIES):
        with suppress(AriNotThere):
            await ari.post(f"recordings/live/{name}/stop")
        seen = seen or (setup.recordings is not None and (setup.recordings / f"{name}.wav").exists())
        with suppress(AriNotThere):
            await ari.delete(f"recordings/stored/{name}")
            break
        # it has just begun, or is just being written
        await asyncio.sleep(AGAIN_S)
    return seen


def _shown(path: Path | None) -> str:
    return "" if path is None else str(path)
