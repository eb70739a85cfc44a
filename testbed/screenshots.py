"""Pictures of the console's pages, with a demo of its own: `python -m testbed.screenshots [FOLDER]`.

Each page light, dark and narrow. Those that the README shows are in docs/pictures.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.chromium import ALONE, need_chromium

COMMAND = [sys.executable, "-m", "callfloor"]
LOOKS = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
SUPERVISED = (
    "/campaigns", "/campaigns/1", "/campaigns/5", "/alerts", "/calls", "/leads", "/imports", "/do-not-call", "/privacy",
    "/set-up", "/set-up/alerts", "/people", "/account", "/work", "/reports",
)  # fmt: skip
# a call comes when somebody calls the demo's queue
CALL_MS = 180_000


@contextmanager
def demo(data: Path) -> Iterator[tuple[str, dict[str, tuple[str, str]]]]:
    """A demo that runs: its address, and name and password of who can sign in, by role."""
    environment = os.environ | {"CALLFLOOR_PORT": "0", "CALLFLOOR_SIMULATED_CALLERS": "30"}
    process = subprocess.Popen(
        [*COMMAND, "demo", "--data", str(data)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    try:
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("reference:"):
                break
        address = re.search(r"^address: (\S+)", said, re.MULTILINE)
        people = re.findall(r"^    (\w+) +(\S+) +(\S+)$", said, re.MULTILINE)
        assert address is not None, said
        yield address[1], {role: (name, password) for role, name, password in people}
    finally:
        process.terminate()
        process.wait(60)


def sign_in(browser: Browser, look: str, address: str, person: tuple[str, str]) -> Page:
    context = browser.new_context(locale="en-AU", timezone_id="Australia/Sydney", **LOOKS[look])  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(address)
    page.get_by_label("User name").fill(person[0])
    page.get_by_label("Password").fill(person[1])
    page.keyboard.press("Enter")
    page.get_by_role("navigation").wait_for()
    page.wait_for_load_state("networkidle")
    return page


def take(folder: Path, address: str, people: dict[str, tuple[str, str]]) -> None:
    """All pictures. The agent's call is the same one in every look."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=need_chromium(), args=["--no-sandbox", *ALONE])
        for look in LOOKS:
            page = sign_in(browser, look, address, people["administrator"])
            page.get_by_role("row").nth(12).wait_for()
            page.screenshot(path=folder / f"floor-{look}.png")
            for path in SUPERVISED:
                page.goto(address + path)
                page.wait_for_load_state("networkidle")
                page.screenshot(path=folder / f"{path[1:].replace('/', '-')}-{look}.png")
            page.context.close()
        agents = {look: sign_in(browser, look, address, people["agent"]) for look in LOOKS}
        for look, page in agents.items():
            page.screenshot(path=folder / f"desk-{look}.png")
        first = next(iter(agents.values()))
        first.keyboard.press("Alt+y")
        for look, page in agents.items():
            page.get_by_role("button", name="Hang up").wait_for(timeout=CALL_MS)
            page.screenshot(path=folder / f"call-{look}.png")
        first.keyboard.press("Alt+x")
        for look, page in agents.items():
            page.get_by_text("Call ended").wait_for()
            page.screenshot(path=folder / f"outcome-{look}.png")
            page.goto(f"{address}/emails")
            page.wait_for_load_state("networkidle")
            page.screenshot(path=folder / f"emails-{look}.png")
        browser.close()


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="cf-pictures-") as place:
        # the embedded server runs as another user where root starts it
        Path(place).chmod(0o755)
        data = Path(place) / "data"
        with demo(data) as (address, people):
            take(folder, address, people)
    print(f"{len(list(folder.glob('*.png')))} pictures in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "console/screenshots"))
