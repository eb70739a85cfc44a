"""The sound of prompts."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from callfloor.contract.fields import Request, Struct


class NewSpeech(Request):
    text: Annotated[str, Meta(min_length=1, max_length=2000, description="The words.")]
    language: Annotated[str, Meta(max_length=64, description="Such as `en`, `en-gb` or `de`; else English.")] | None = (
        None
    )


class PromptUse(Struct):
    """`spoken` false: a tone is heard in the place of the words, since nothing here could speak them. `used_by`: what
    plays it."""

    name: str
    seconds: float
    spoken: bool
    used_by: list[str]
