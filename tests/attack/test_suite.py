"""What the documents say of the attack suite is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_every_test_that_the_documents_name_is_there_and_is_run_by_make_attack() -> None:
    named = set(re.findall(r"tests/[a-z_/]+\.py", (ROOT / "docs" / "security.md").read_text("utf-8")))
    assert len(named) > 15
    held = re.search(r"^HELD := (.*?)^attack", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert held is not None
    run = set(held[1].replace("\\", " ").split())
    for each in named | run:
        assert (ROOT / each).is_file(), each
    elsewhere = {each for each in named if not each.startswith("tests/attack/")}
    assert elsewhere <= run
