"""No test inherits the calls of one that failed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from urllib.error import HTTPError

import pytest

from testbed.bed import Bed


@pytest.fixture(autouse=True)
def quiet(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "bed" in request.fixturenames:
        bed: Bed = request.getfixturevalue("bed")
        for channel in bed.asterisk.get("channels"):
            bed.asterisk.command(f"channel request hangup {channel['name']}")
        for bridge in bed.asterisk.get("bridges"):
            with suppress(HTTPError):
                # one that its driver is just taking down
                bed.asterisk.ask("DELETE", f"bridges/{bridge['id']}")
