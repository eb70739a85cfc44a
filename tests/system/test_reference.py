"""The reference page in a real Chromium that reaches nothing but the server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.chromium import headless
from tests.system.test_generated import Live, live

__all__ = ["live"]


@pytest.mark.timeout(600)
def test_the_reference_page_shows_every_operation_without_a_network(chromium: str, live: Live, tmp_path: Path) -> None:
    shown, shows = "", ("--window-size=1400,60000", "--force-device-scale-factor=0.1", "--dump-dom")
    # virtual time runs out before the page is drawn where the machine is busy: such a picture is taken again
    for budget_ms in (20_000, 60_000, 180_000):
        shown = subprocess.run(
            [*headless(chromium, tmp_path, *shows, f"--virtual-time-budget={budget_ms}"), f"{live.address}/docs"],
            capture_output=True,
            text=True,
            timeout=180,
            check=True,
        ).stdout
        if "/activities/{activityId}" in shown:
            break
    for words in ("Callfloor Platform API", "/activities/{activityId}", "/leads/{leadId}", "/availability"):
        assert words in shown, words
    assert "Loading the reference" not in shown
