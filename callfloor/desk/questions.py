"""Something that is to be typed at a desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from callfloor.contract.workspace import Command


@dataclass(frozen=True, slots=True)
class Question:
    """`answer` makes a command of what was typed, asks for more, or says (text) what is wrong."""

    label: str
    answer: Callable[[str], Command | Question | str]
