"""What a person does at the desk, by what can be read there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from playwright.async_api import BrowserContext, Locator, Page, expect

from callfloor.store.db.pool import Database
from callfloor.store.people import passwords
from tests.auth.people import HASH, PASSWORD
from tests.conftest import Centre

AXE = Path(__file__).parents[2] / "console/node_modules/axe-core/axe.min.js"
# two busy cores: how long the first page may take
FIRST_MS = 20_000
SERIOUS = ("serious", "critical")


@dataclass(frozen=True)
class Person:
    """Who signs in, with the password that tests have."""

    username: str
    organisation: str


async def person_of(db: Database, centre: Centre, user: int) -> Person:
    """A user of the centre, who has a password from now on."""
    await passwords.put(db, centre.organisation, user, HASH, datetime.now(UTC))
    row = await db.fetchrow(
        "SELECT u.username, o.name FROM users u JOIN organisations o USING (organisation_id) WHERE user_id = $1", user
    )
    assert row is not None
    return Person(row["username"], row["name"])


class DeskPage:
    """An agent's desk in a browser's tab."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    @classmethod
    async def signed_in(cls, context: BrowserContext, address: str, person: Person, *, able: str = "Pause") -> DeskPage:
        """`able`: a button that can be pressed when the desk is there."""
        desk = cls(await context.new_page(), address)
        await desk.page.goto(address)
        await desk.sign_in(person)
        await desk.shows("Desk")
        await desk.can(able)
        return desk

    async def sign_in(self, person: Person, password: str = PASSWORD) -> None:
        """As somebody does at the first page; where a session is open already, nothing is asked."""
        form = self.page.get_by_label("Password")
        await form.or_(self.page.get_by_role("navigation")).first.wait_for()
        if await form.count() == 0:
            return
        await self.page.get_by_label("User name").fill(person.username)
        await form.fill(password)
        organisation = self.page.get_by_label("Organisation")
        if await organisation.count() > 0:
            await organisation.fill(person.organisation)
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
