"""A real Chromium for tests: where it is, and what keeps it to itself."""

from __future__ import annotations

from pathlib import Path

from testbed.programs import need

# no outside host has an address for this browser, and it asks for none on its own
ALONE = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
)


def need_chromium() -> str:
    """Where Chromium is. Raises `Missing`."""
    return need("chromium", "chromium", "chromium-browser", "google-chrome")


def headless(chromium: str, folder: Path, *more: str) -> list[str]:
    """The command of a browser that nobody sees. `folder`: for its profile. An address follows."""
    return [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}", *ALONE, *more]
