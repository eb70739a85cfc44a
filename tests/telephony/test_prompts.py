"""Which files a message is."""

from __future__ import annotations

import pytest

from callfloor.telephony.asterisk.ari import AriNode, AriRefused
from callfloor.telephony.asterisk.prompts import Prompts
from callfloor.telephony.asterisk.setup import Setup

PROMPTS = Prompts(Setup((AriNode("http://127.0.0.1:8088/ari", "user", "secret"),)), None)


@pytest.mark.parametrize(
    ("message", "media"),
    [
        ("information", "sound:callfloor-information"),
        ("position:1", "sound:queue-youarenext"),
        ("position:7", "sound:queue-thereare,sound:digits/7,sound:queue-callswaiting"),
        ("position:42", "sound:queue-thereare,sound:digits/4,sound:digits/2,sound:queue-callswaiting"),
        ("wait:1", "sound:queue-holdtime,sound:digits/1,sound:queue-minute"),
        ("wait:12", "sound:queue-holdtime,sound:digits/12,sound:queue-minutes"),
    ],
)
async def test_a_message_is_made_of_asterisks_own_words(message: str, media: str) -> None:
    assert await PROMPTS.media(message) == media


@pytest.mark.parametrize("message", ["", "position:", "position:-1", "sound:/etc/passwd", "prompt:1/../../x"])
async def test_nothing_else_is_a_message(message: str) -> None:
    with pytest.raises(AriRefused):
        await PROMPTS.media(message)
