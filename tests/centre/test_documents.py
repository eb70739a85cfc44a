"""What the documents show is taken as it stands."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from callfloor.centre import parse
from callfloor.centre.check import check
from callfloor.contract.workflows import Queue
from tests.telephony.test_sound import recorded

DOCS = Path(__file__).parents[2] / "docs"
AROUND = """
[organisation]
name = "Sample Centre"
timezone = "Australia/Sydney"
country = "AU"

[[campaigns]]
name = "Support Inbound"
direction = "inbound"
"""


def blocks(name: str) -> list[str]:
    return re.findall(r"^```toml\n(.*?)^```$", (DOCS / name).read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_the_workflow_of_its_document_is_taken() -> None:
    (block,) = blocks("workflows.md")
    source = replace(parse(AROUND + block, "c.toml"), sounds={"prompts/message.wav": recorded(8000)})
    centre = check(source, None)
    assert [step.name for step in centre.workflows["Main line"].steps] == [
        "hours",
        "menu",
        "sales",
        "support",
        "message",
    ]


def test_the_centre_of_its_document_is_taken() -> None:
    centre = check(parse("\n".join(blocks("centre-file.md")), "c.toml"), None)
    assert isinstance(centre.workflows["Main line"].steps[1], Queue)
