"""What a person does at the desk, by what can be read there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Locator, Page, expect

AXE = Path(__file__).parents[2] / "console/node_modules/axe-core/axe.min.js"
# two busy cores: how long the first page may take
FIRST_MS = 20_000
SERIOUS = ("serious", "critical")


class DeskPage:
    """An agent's desk in a browser's tab."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    @classmethod
    async def signed_in(cls, context: BrowserContext, address: str, token: str) -> DeskPage:
        desk = cls(await context.new_page(), address)
        await desk.page.goto(address)
        await desk.sign_in(token)
        await desk.shows("Desk")
        await desk.can("Pause")
        return desk

    async def sign_in(self, token: str) -> None:
        await self.page.get_by_label("Token").fill(token)
        await self.page.keyboard.press("Enter")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    async def can(self, name: str) -> None:
        """The button can be pressed: the line is live, and no answer is awaited."""
        await expect(self.button(name)).not_to_have_attribute("aria-disabled", "true", timeout=FIRST_MS)

    async def shows(self, heading: str) -> None:
        await expect(self.page.get_by_role("heading", name=heading, exact=True)).to_be_attached(timeout=FIRST_MS)

    async def says(self, text: str) -> None:
        await expect(self.page.get_by_text(text, exact=True).first).to_be_visible(timeout=FIRST_MS)

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.page.keyboard.press(key)

    async def faults(self) -> list[str]:
        """What axe-core finds serious on the page as it is."""
        await self.page.evaluate(AXE.read_text())
        found: dict[str, Any] = await self.page.evaluate("axe.run()")
        return [
            f"{each['id']}: {node['html'][:200]}"
            for each in found["violations"]
            if each["impact"] in SERIOUS
            for node in each["nodes"]
        ]
