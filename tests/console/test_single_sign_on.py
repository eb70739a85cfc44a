"""People sign in at a real provider, in a real Chromium, and come back."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import BrowserContext, expect

from callfloor.settings import Settings
from callfloor.store.db.pool import Database
from tests.auth.providers import real_provider
from tests.auth.test_single_sign_on import trust
from tests.conftest import Centre, alone
from tests.console.desk_page import FIRST_MS, DeskPage, person_of
from tests.console.test_passkeys import named

pytestmark = [
    pytest.mark.parametrize("dsn", alone(__name__), indirect=True, scope="session"),
    # a browser on two busy cores
    pytest.mark.timeout(120),
]


async def test_somebody_signs_in_at_the_provider_and_leaves_there_too(
    settings: Settings,
    api_dsn: str,
    db: Database,
    centre: Centre,
    context: BrowserContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CALLFLOOR_SECRET_TEST", "of the client")
    person = await person_of(db, centre, centre.user)
    lead: dict[str, Any] = {"sub": "lead", "preferred_username": person.username, "groups": ["leads"]}
    nobody: dict[str, Any] = {"sub": "nobody", "preferred_username": "nobody.here", "groups": ["leads"]}
    allowed = settings.model_copy(update={"sign_in_private_addresses": True})
    with real_provider(lead, nobody) as issuer:
        await trust(
            db,
            centre,
            issuer,
            secret_file=None,
            secret_variable="CALLFLOOR_SECRET_TEST",
            roles={"leads": "supervisor"},
            passwords=False,
            sign_out=True,
        )
        async with named(allowed, api_dsn) as address:
            page = DeskPage(await context.new_page(), address)
            await page.page.goto(address)
            begin = page.button("Sign in with Example ID")
            await begin.wait_for()
            assert await page.page.get_by_label("Password").count() == 0
            assert await page.faults() == []
            await begin.click()
            await page.button("nobody").click()
            await page.says("Nobody here has your name: ask your administrator for an account.")
            assert page.page.url == f"{address}/", "what came back is no link to be kept"
            await page.button("Sign in with Example ID").click()
            await page.button("lead").click()
            await page.shows("Floor")
            await page.button("Sign out").click()
            await page.page.wait_for_url(f"{issuer}/oauth2/end_session**")
            await page.page.goto(address)
            await expect(page.button("Sign in with Example ID")).to_be_visible(timeout=FIRST_MS)
