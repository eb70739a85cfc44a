"""Something that is to be typed at a desk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callfloor.contract.workspace import Command

if TYPE_CHECKING:
    from callfloor.desk.mail import EmailWork


@dataclass(frozen=True, slots=True)
class Question:
    """`answer` makes a command of what was typed, asks for more, or says (text) what is wrong."""

    label: str
    answer: Callable[[str], Command | EmailWork | Question | str]
