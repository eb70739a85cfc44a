"""A real Chromium for tests: where it is, and what keeps it to itself."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

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


def need_chromium() -> str:
    """Where Chromium is; installed from Debian's packages where it is missing and that is allowed."""
    if _found() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        for step in (["update"], ["install", "-y", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *step], check=False, capture_output=True)
    path = _found()
    if path is None:
        pytest.fail("this test needs Chromium: apt-get install chromium")
    return path


def headless(chromium: str, folder: Path, *more: str) -> list[str]:
    """The command of a browser that nobody sees. `folder`: for its profile. An address follows."""
    return [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}", *ALONE, *more]


def _found() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)
