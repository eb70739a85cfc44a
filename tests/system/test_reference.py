"""The reference page in a real Chromium that reaches nothing but the server."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import SERVERS
from tests.system.test_generated import Live, live

__all__ = ["live"]

NAMES = ("chromium", "chromium-browser", "google-chrome")
# no outside host has an address for this browser, and it asks for none on its own
ALONE = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)


def _found() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium() -> str:
    """A Chromium; installed from Debian's packages where it is missing and that is allowed."""
    if _found() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for step in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *step], check=False, capture_output=True)
    path = _found()
    if path is None:
        pytest.fail("Chromium is needed to test the reference page: apt-get install chromium")
    return path


@pytest.mark.timeout(600)
@pytest.mark.parametrize("dsn", SERVERS[-1:], indirect=True, scope="session")
def test_the_reference_page_shows_every_operation_without_a_network(chromium: str, live: Live, tmp_path: Path) -> None:
    shown = ""
    # virtual time runs out before the page is drawn where the machine is busy: such a picture is taken again
    for budget_ms in (20_000, 60_000, 180_000):
        shown = subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}", *ALONE,
             "--window-size=1400,60000", f"--virtual-time-budget={budget_ms}", "--dump-dom", f"{live.address}/docs"],
            capture_output=True, text=True, timeout=180, check=True,
        ).stdout  # fmt: skip
        if "/activities/{activityId}" in shown:
            break
    for words in ("Callfloor Platform API", "/activities/{activityId}", "/leads/{leadId}", "/availability"):
        assert words in shown, words
    assert "Loading the reference" not in shown
