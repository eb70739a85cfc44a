"""How this installation's Asterisk is reached and what it is told to do: what the settings say, read once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from callfloor.rules.values.phones import PhoneError, normalise
from callfloor.telephony.asterisk.ari import AriNode

_NUMBER = re.compile(r"\+?[0-9]{1,20}", re.ASCII)
# Bytes of a WAV of the media store: organisation and content hash.
PromptSource = Callable[[int, str], AsyncIterator[bytes]]


class SetupError(ValueError):
    """The settings cannot be used. The text says why, `setting` is the one to change."""

    def __init__(self, setting: str, why: str) -> None:
        super().__init__(why)
        self.setting = setting


@dataclass(frozen=True, slots=True)
class Setup:
    """`trunks`: dial strings with `{number}`, used in turn; the next where one fails. `agent`: one with `{agent}`.
    `caller`: shown where a call has no other number. `country`: whose national form the trunk writes numbers in,
    None: they come with a country code. `recordings`: the folder where Asterisk keeps them, None: they are fetched
    through ARI. `prompts`: a folder that this process writes and Asterisk reads. `kept_lines`: an agent's phone
    stays connected between calls. `stereo`: each side of a call is recorded for itself. `gone_s`: after so long
    without a connection, a node's calls are taken for ended."""

    nodes: tuple[AriNode, ...]
    app: str = "callfloor"
    trunks: tuple[str, ...] = ("PJSIP/{number}@trunk",)
    agent: str = "PJSIP/agent-{agent}"
    caller: str | None = None
    country: str | None = None
    agent_ring_s: int = 15
    kept_lines: bool = False
    stereo: bool = False
    recordings: Path | None = None
    prompts: Path | None = None
    information: str = "sound:callfloor-information"
    amd_context: str = "callfloor-amd"
    gone_s: float = 20.0

    def __post_init__(self) -> None:
        if not self.nodes:
            raise SetupError("asterisk_urls", "no Asterisk is named: give an address such as http://127.0.0.1:8088/ari")
        for node in self.nodes:
            if not _is_web_address(node.url):
                # not repeated: it may hold a password
                raise SetupError("asterisk_urls", "an address must look like http://127.0.0.1:8088/ari")
        if not self.trunks:
            raise SetupError("asterisk_trunks", "a trunk is needed, such as PJSIP/{number}@trunk")
        for trunk in self.trunks:
            if "{number}" not in trunk:
                raise SetupError(
                    "asterisk_trunks", f"the trunk {trunk} must contain {{number}}, as in PJSIP/{{number}}@trunk"
                )
        if "{agent}" not in self.agent:
            raise SetupError("asterisk_agent", "it must contain {agent}, as in PJSIP/agent-{agent}")

    def e164(self, number: str) -> str | None:
        """A number as the trunk writes it, in E.164. None: withheld, or not a number."""
        if _NUMBER.fullmatch(number) is None:
            return None
        if number.startswith("+"):
            return number
        try:
            # a trunk knows numbers that are newer than our ranges
            return normalise(number, self.country or "", (self.country,) if self.country else ())
        except PhoneError:
            # no country code begins with a zero
            return None if number.startswith("0") else f"+{number}"


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def dialable(number: str) -> bool:
    """Whether it may stand in a dial string."""
    return _NUMBER.fullmatch(number) is not None
