"""What the console weighs and costs in a real Chromium: its first page, a desk's call from frame to pixels, and a
wallboard of 200 agents that changes 100 times a second.

The server is `callfloor demo`; the wallboard's changes are made here, of what that server told, and fed to the page in
place of its WebSocket: what is measured is the page.
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, WebSocketRoute, sync_playwright

from bench.floor import show
from testbed.screenshots import demo
from tests.chromium import ALONE, need_chromium

AGENTS, CHANGES_PER_S, SECONDS = 200, 100, 10
CALLS = 3
WAIT_MS = 180_000
STATES = ("ready", "on-call", "on-wrap", "paused", "dialling")
# when a frame came that connects a call, and when the number and the lead stood on the page
WATCH = """
(() => {
  window.__shown = [];
  let came;
  const Socket = WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        const said = JSON.parse(data);
        if (said.type === "call.ringing" || said.type === "call.connected") came ??= performance.now();
        if (said.type === "call.ended") came = undefined;
      });
    }
  };
  new MutationObserver(() => {
    if (came === undefined || came < 0 || !document.querySelector("#call-number")) return;
    if (document.querySelector("[aria-busy=true].waiting")) return;
    window.__shown.push(performance.now() - came);
    came = -1;
  }).observe(document, { childList: true, subtree: true });
})();
"""
REDRAWS = """
(() => {
  window.__redraws = 0;
  let pending = false;
  new MutationObserver(() => {
    if (pending) return;
    pending = true;
    requestAnimationFrame(() => { window.__redraws += 1; pending = false; });
  }).observe(document.querySelector("main"), { childList: true, subtree: true, characterData: true });
})();
"""


def run(size: int) -> None:
    """`size`: calls to wait for."""
    with tempfile.TemporaryDirectory(prefix="cf-console-") as place:
        Path(place).chmod(0o755)
        with demo(Path(place) / "data") as (address, people), sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=need_chromium(), args=["--no-sandbox", *ALONE])
            _weigh(browser, address, people["agent"])
            _desk(browser, address, people["agent"], size)
            _wallboard(browser, address, people["administrator"])
            browser.close()


def _signed_in(context: BrowserContext, address: str, person: tuple[str, str]) -> Page:
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto(address)
    page.get_by_label("User name").fill(person[0])
    page.get_by_label("Password").fill(person[1])
    page.keyboard.press("Enter")
    page.get_by_role("navigation").wait_for()
    return page


def _weigh(browser: Browser, address: str, agent: tuple[str, str]) -> None:
    """Bytes over the network for the first page, and for it with the desk."""
    context = browser.new_context()
    page = context.new_page()
    came = {"bytes": 0}
    session: CDPSession = context.new_cdp_session(page)
    session.send("Network.enable")  # pyright: ignore[reportUnknownMemberType]

    def loaded(event: dict[str, Any]) -> None:
        came["bytes"] += int(event["encodedDataLength"])

    session.on("Network.loadingFinished", loaded)  # pyright: ignore[reportUnknownMemberType]
    page.goto(address)
    page.get_by_label("Password").wait_for()
    page.wait_for_load_state("networkidle")
    first = came["bytes"]
    page.get_by_label("User name").fill(agent[0])
    page.get_by_label("Password").fill(agent[1])
    page.keyboard.press("Enter")
    page.get_by_role("navigation").wait_for()
    page.wait_for_load_state("networkidle")
    show(
        "console",
        f"first page {first / 1000:.0f} kB compressed; with the desk {came['bytes'] / 1000:.0f} kB (goal 150)",
    )
    context.close()


def _desk(browser: Browser, address: str, agent: tuple[str, str], calls: int) -> None:
    """From the frame that tells of a call to number and lead on the page."""
    context = browser.new_context()
    context.add_init_script(WATCH)
    page = _signed_in(context, address, agent)
    page.keyboard.press("Alt+y")
    for _ in range(calls):
        page.get_by_role("button", name="Hang up").wait_for(timeout=WAIT_MS)
        page.wait_for_timeout(1_000)
        page.keyboard.press("Alt+x")
        page.get_by_text("Call ended").wait_for(timeout=WAIT_MS)
        page.keyboard.press("Alt+Enter")
        page.get_by_text("Call ended").wait_for(state="hidden", timeout=WAIT_MS)
    shown: list[float] = page.evaluate("window.__shown")
    middle, worst = median(shown), max(shown)
    show(
        "console", f"call on the desk {middle:.0f} ms after its event (longest of {len(shown)}: {worst:.0f}; goal 200)"
    )
    context.close()


def _wallboard(browser: Browser, address: str, supervisor: tuple[str, str]) -> None:
    """Share of one core that the page's main thread takes, and how often it draws."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    routes: list[WebSocketRoute] = []

    def taken(route: WebSocketRoute) -> None:
        routes.append(route)

    context.route_web_socket("**/workspace/v1/floor/events*", taken)
    page = _signed_in(context, address, supervisor)
    picture: dict[str, Any] = page.evaluate("fetch('/workspace/v1/floor').then((answer) => answer.json())")
    _multiply(picture)
    feed = _Feed(picture)
    while not routes:
        page.wait_for_timeout(100)
    routes[-1].send(feed.snapshot())
    routes[-1].send(json.dumps({"type": "current", "cursor": "0", "timestamp": picture["timestamp"]}))
    page.get_by_role("row").nth(50).wait_for()
    page.evaluate(REDRAWS)
    session = context.new_cdp_session(page)
    # what the thread itself takes: on a busy machine a task lasts longer than it works
    session.send("Performance.enable", {"timeDomain": "threadTicks"})  # pyright: ignore[reportUnknownMemberType]
    before, started = _task_s(session), time.monotonic()
    while (elapsed := time.monotonic() - started) < SECONDS:
        feed.catch_up(elapsed, routes[-1])
        page.wait_for_timeout(10)
    took, redraws = _task_s(session) - before, page.evaluate("window.__redraws")
    show(
        "console",
        f"wallboard of {AGENTS} agents, {CHANGES_PER_S} changes/s: {took / elapsed:.1%} of a core (goal 10 %),"
        f" {redraws / elapsed:.1f} redraws/s (goal 4)",
    )
    context.close()


def _task_s(session: CDPSession) -> float:
    found: Any = session.send("Performance.getMetrics")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return next(each["value"] for each in found["metrics"] if each["name"] == "TaskDuration")


def _multiply(picture: dict[str, Any]) -> None:
    """As many agents as are wanted, after those that there are."""
    some = picture["agents"]
    picture["agents"] = [
        some[at % len(some)] | {"agentId": 100_000 + at, "fullName": f"Agent {at:03d}"} for at in range(AGENTS)
    ]


class _Feed:
    """A floor that changes at a steady rate."""

    def __init__(self, picture: dict[str, Any]) -> None:
        self._picture, self._sent, self._chance = picture, 0, random.Random(1)

    def snapshot(self) -> str:
        """What a page is told first."""
        return json.dumps({"type": "snapshot", "cursor": "0", "floor": self._picture})

    def catch_up(self, elapsed_s: float, route: WebSocketRoute) -> None:
        """Send the changes that are due, in frames of what came together."""
        due = int(elapsed_s * CHANGES_PER_S) - self._sent
        if due <= 0:
            return
        self._sent += due
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        changed = [
            each | {"state": self._chance.choice(STATES), "since": now}
            for each in self._chance.sample(self._picture["agents"], min(due, AGENTS))
        ]
        told = {"type": "changes", "cursor": str(self._sent), "agents": {"changed": changed, "gone": []}}
        route.send(json.dumps(told))
