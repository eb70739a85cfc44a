"""What `callfloor asterisk check` says of a real Asterisk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from callfloor.cli.main import app
from callfloor.telephony.asterisk.ari import Ari, AriNode
from callfloor.telephony.asterisk.check import Finding, check
from testbed.bed import Bed
from tests.asterisk.exchange import setup_for

pytestmark = pytest.mark.asterisk


async def findings(bed: Bed, later: timedelta = timedelta(0), password: str = "", **changed: object) -> list[Finding]:
    setup = setup_for(bed, **changed)
    node = AriNode(setup.nodes[0].url, setup.nodes[0].user, password or setup.nodes[0].password)
    async with Ari(node) as ari:
        return await check(ari, setup, datetime.now(UTC) + later)


async def test_an_asterisk_that_has_everything_lacks_nothing(bed: Bed) -> None:
    before = bed.asterisk.get("recordings/stored")
    found = await findings(bed)
    assert [each.text for each in found if not each.good] == []
    assert len(found) >= 8
    assert not bed.asterisk.get("bridges")
    assert bed.asterisk.get("recordings/stored") == before


@pytest.mark.parametrize(
    ("changed", "says", "lines"),
    [
        ({"trunks": ("PJSIP/{number}@elsewhere",)}, "no endpoint elsewhere", "[elsewhere]"),
        ({"agent": "PJSIP/phone-{agent}"}, "no endpoint for agents", "[phone-1]"),
        ({"agent": "PJSIP/deaf-{agent}"}, "transport udp is not wss", "protocol=wss"),
        ({"amd_context": "nowhere"}, "no context nowhere", "exten => s,1,AMD()"),
        ({"information": "sound:not-there"}, "no sound not-there", "not-there.wav"),
        ({"later": timedelta(seconds=90)}, "90 s apart", ""),
        ({"password": "wrong"}, "is not accepted", "[callfloor]"),
    ],
)
async def test_what_is_missing_is_said_with_the_lines_to_add(
    bed: Bed, changed: dict[str, object], says: str, lines: str
) -> None:
    (missing,) = [each for each in await findings(bed, **changed) if not each.good]  # type: ignore[arg-type]
    assert says in missing.text
    assert lines in missing.lines


BROWSERS = "PJSIP/agent-{agent}"


async def test_phones_in_browsers_that_have_everything_lack_nothing(bed: Bed) -> None:
    found = await findings(bed, agent=BROWSERS)
    assert [each.text for each in found if not each.good] == []
    assert any("phones in browsers have what they need: 1" in each.text for each in found)


@contextmanager
def without(bed: Bed, module: str) -> Iterator[None]:
    bed.asterisk.command(f"module unload {module}.so")
    try:
        yield
    finally:
        bed.asterisk.command(f"module load {module}.so")


async def test_modules_that_phones_in_browsers_lack_are_said(bed: Bed) -> None:
    with without(bed, "res_srtp"):
        (missing,) = [each for each in await findings(bed, agent=BROWSERS) if not each.good]
    assert "phones in browsers need it: res_srtp" in missing.text
    assert "load = res_srtp.so" in missing.lines
    with without(bed, "func_config"):
        found = await findings(bed, agent=BROWSERS)
    assert any(each.good and "cannot be seen" in each.text for each in found)


@pytest.mark.parametrize(
    ("file", "line", "says"),
    [
        ("http.conf", "tlsenable=yes", "http.conf has no TLS"),
        ("rtp.conf", "icesupport=yes", "rtp.conf switches ICE off"),
    ],
)
async def test_settings_that_phones_in_browsers_lack_are_said(bed: Bed, file: str, line: str, says: str) -> None:
    """Only the file is looked at: the Asterisk that runs has not read it again."""
    path = bed.asterisk.node.etc / file
    text = path.read_text()
    path.write_text(text.replace(line, line.replace("yes", "no")))
    try:
        (missing,) = [each for each in await findings(bed, agent=BROWSERS) if not each.good]
    finally:
        path.write_text(text)
    assert says in missing.text
    assert line in missing.lines


def test_the_command_says_it_and_fails_when_something_is_missing(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLFLOOR_ASTERISK_URLS", bed.asterisk.url)
    monkeypatch.setenv("CALLFLOOR_ASTERISK_PASSWORD", bed.asterisk.password)
    monkeypatch.setenv("CALLFLOOR_ASTERISK_AGENT", "PJSIP/{agent}@agents")
    monkeypatch.setenv("CALLFLOOR_ASTERISK_INFORMATION", "sound:vm-goodbye")
    good = CliRunner().invoke(app, ["asterisk", "check"])
    assert (good.exit_code, "MISSING" in good.output) == (0, False), good.output
    monkeypatch.setenv("CALLFLOOR_ASTERISK_TRUNKS", "PJSIP/{number}@elsewhere")
    bad = CliRunner().invoke(app, ["asterisk", "check"])
    assert bad.exit_code == 1
    assert "MISSING there is no endpoint elsewhere" in bad.output
    assert bed.asterisk.password not in bad.output
