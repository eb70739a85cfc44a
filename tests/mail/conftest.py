"""What reads messages in these tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from callfloor.mail.readers import Readers


@pytest.fixture(scope="package")
def readers() -> Iterator[Readers]:
    made = Readers()
    yield made
    made.close()
